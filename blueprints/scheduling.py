"""The endpoints of the scheduler: what it is going to run, and its switch."""

from blueprints.replies import Returned
from blueprints.wire import BODY, MERGED, ApiBlueprint, params, requires
from schemas.replies import RowsReply
from schemas.scheduling import GetUpcomingJobs, UpdateGlobalState
from services import global_state, upcoming
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


@bp.api("update_global_state")
@params(UpdateGlobalState, source=BODY)
@requires(Privilege.ADMIN)
def update_global_state(caller: Caller, changes: dict[str, bool]) -> None:
    """Switch the scheduler on or off; that survives restarts."""
    global_state.update(changes, caller)
