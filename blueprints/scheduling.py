"""The endpoints of the scheduler: what it is going to run, and its switch."""

from typing import Any

from blueprints.replies import Returned
from blueprints.wire import BODY, MERGED, ApiBlueprint, params, requires
from schemas.replies import CrontabReply, RowsReply
from schemas.scheduling import GetUpcomingJobs, ImportCrontab, UpdateGlobalState
from services import crontab_import, global_state, upcoming
from services.access import Caller, Privilege

bp = ApiBlueprint("scheduling", __name__)


@bp.api("get_upcoming_jobs", returns=RowsReply)
@params(GetUpcomingJobs, source=MERGED)
@requires()
def get_upcoming_jobs(
    caller: Caller, event: str | None, start: float, end: float, limit: int
) -> Returned:
    """Say when which events are going to run, in order of time; replies with `rows`.

    While the scheduler is off there are none.
    """
    rows = upcoming.jobs(upcoming.Window(start, end, limit), caller, event)
    return {"rows": rows, "list": {"length": len(rows)}}


@bp.api("import_crontab", returns=CrontabReply)
@params(ImportCrontab, source=BODY)
@requires(Privilege.CREATE_EVENTS)
def import_crontab(caller: Caller, text: str, wishes: dict[str, Any], is_trial: bool) -> Returned:
    """Make an event of each line of a crontab.

    Replies with `events`, and with `problems`: the lines that can't be translated, and why.
    """
    made, problems = crontab_import.run(text, wishes, caller, is_trial=is_trial)
    return {"events": made, "problems": problems}


@bp.api("update_global_state")
@params(UpdateGlobalState, source=BODY)
@requires(Privilege.ADMIN)
def update_global_state(caller: Caller, changes: dict[str, bool]) -> None:
    """Switch the scheduler on or off; that survives restarts."""
    global_state.update(changes, caller)
