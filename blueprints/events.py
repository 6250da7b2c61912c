"""The endpoints of events, run_event included."""

from typing import Any

from flask import g, request

from blueprints import streams
from blueprints.parameters import idempotency_key
from blueprints.replies import Returned
from blueprints.wire import BODY, MERGED, RUN, ApiBlueprint, array_reply, params, requires
from schemas.event_request import CreateEvent, DeleteEvent, EventId, GetEvents, UpdateEvent
from schemas.replies import EventReply, EventStateReply, RowsReply, RunReply
from schemas.run import RunEvent, Upload, check_uploads
from services import events, runs
from services.access import Caller, Privilege

bp = ApiBlueprint("events", __name__)


@bp.api("get_events", returns=RowsReply)
@params(GetEvents, source=MERGED)
@requires()
def get_events(caller: Caller, filters: dict[str, Any]) -> Returned:
    """List events in order of creation.

    Every parameter is a filter: a key that events must have, and its value. Replies with `rows`
    and `list.length`.
    """
    found = events.listing(filters, caller)
    return array_reply("rows", found, {"list": found.length_text})


@bp.api("get_event", returns=EventStateReply)
@params(EventId, source=MERGED)
@requires()
def get_event(caller: Caller, id: str) -> Returned:
    """Show one event.

    Replies with `event`, with `jobs`, its active jobs, and with `queued`, how many wait.
    """
    return events.get(id, caller)


def _new_event(params: dict[str, Any]) -> dict[str, Any]:
    """The arguments of create_event: the event, checked, and what the scheduler is to know."""
    return {"event": events.validate_new(params), "state": params.get("update_state")}


@bp.api("create_event", returns=EventReply)
@params(CreateEvent, source=BODY, prepare=_new_event)
@requires(Privilege.CREATE_EVENTS)
def create_event(caller: Caller, event: dict[str, Any], state: dict[str, Any] | None) -> Returned:
    """Create an event; replies with `event` as it was stored."""
    return {"event": events.create(event, caller, state)}


@bp.api("update_event", returns=EventReply)
@params(UpdateEvent, source=BODY)
@requires(Privilege.EDIT_EVENTS)
def update_event(caller: Caller, params: dict[str, Any]) -> Returned:
    """Change an event: every parameter replaces the key of its name.

    With `revision` the change is refused when somebody else was faster. Replies with the whole
    `event`.
    """
    return {"event": events.update(params, caller)}


@bp.api("delete_event")
@params(DeleteEvent, source=BODY)
@requires(Privilege.DELETE_EVENTS)
def delete_event(caller: Caller, id: str, delete_jobs: bool) -> None:
    """Delete an event that has no live jobs."""
    events.delete(id, caller, delete_jobs=delete_jobs)


def with_uploads(**arguments: Any) -> dict[str, Any]:
    """The arguments of a run with the request's files and key, if these are sound."""
    uploads, key = g.incoming.uploads, idempotency_key(g.incoming)
    check_uploads(uploads)
    return {**arguments, "uploads": uploads, "idempotency_key": key}


@bp.api("run_event", returns=RunReply)
@params(RunEvent, source=RUN, prepare=with_uploads)
@requires(Privilege.RUN_JOBS)
def run_event(
    caller: Caller,
    params: dict[str, Any],
    timeout: float | None,
    uploads: list[Upload],
    idempotency_key: str | None,
) -> Returned:
    """Run an event now.

    Every parameter that is not named below overrides a key of the event in this job. Files of a
    multipart request become input of the job. Replies with `id`, the job's id; below the path
    `/wait` with `job`, once that is complete. The same request with the same `Idempotency-Key`
    (header, or `idempotency_key`) brings the same job for a day.
    """
    job_id = runs.run(params, uploads, caller, idempotency_key)
    if "/wait" in request.path:
        return streams.wait_for_job(job_id, timeout)
    return {"id": job_id}
