"""Jobs: reading, changing, aborting, resuming and deleting what was accepted."""

import math
from collections.abc import Mapping, Sequence
from typing import Any

import sqlalchemy as sa
from flask import current_app

from core import blobs, clock, json
from core.errors import BadRequest, Conflict, NotFound
from models import live_jobs
from models.database import db
from models.event import Event
from models.job import Job
from services import doorbell, job_views
from services.access import Caller
from services.filters import loosely_equal
from services.hosts import our_name
from services.record_updates import adjusted
from services.transitions import State, activity

Document = dict[str, Any]

#: What only the engine may set on a live job.
ENGINE_KEYS = frozenset(
    (
        *("id", "event", "state", "code", "complete", "started", "completed"),
        *("server", "pid", "until", "suspended", "position"),
    )
)
#: Filters that an index answers; a string never equals anything but itself in these columns.
_FILTER_COLUMNS = ("id", "event", "state")


def missing(job_id: str) -> str:
    """What the API says of a record that can't be loaded."""
    return f"{job_id}: Error: Failed to fetch key: unbase/records/jobs/{job_id}: Not found"


def not_loaded(job_id: str, code: str = "notfound") -> NotFound:
    """The error for a job that does not exist."""
    return NotFound(f"Failed to load job details: {missing(job_id)}", code=code)


def active_rows(
    filters: Mapping[str, Any],
    caller: Caller,
    *,
    offset: int = 0,
    limit: int = 0,
    sort_by: str = "started",
    sort_dir: float = -1,
) -> tuple[list[Document], int]:
    """The live jobs that match all filters and that the caller may see, and how many those are.

    Rows are sorted by a numeric key, then cut as JavaScript's `slice` does; `limit` 0 is all.
    """
    rest = dict(filters)
    conditions = [
        getattr(Job, name) == rest.pop(name)
        for name in _FILTER_COLUMNS
        if isinstance(rest.get(name), str)
    ]
    rows = db.read(lambda connection: _with_positions(connection, conditions))
    found = [
        row
        for row in rows
        if all(loosely_equal(value, row.get(key)) for key, value in rest.items())
        and caller.may_see(row)
    ]
    ordered = _sorted_rows(found, sort_by, sort_dir)
    return ordered[offset : offset + limit] if limit else ordered[offset:], len(found)


def _with_positions(
    connection: sa.Connection, conditions: Sequence[sa.ColumnElement[bool]]
) -> list[Document]:
    """Live jobs as documents; the queue's places are counted once for all of them."""
    rows = live_jobs.live_rows(connection, *conditions)
    places = live_jobs.positions(
        connection, {row.queue_key for row in rows if row.state == "queued"}
    )
    return [job_views.live_document(row, places.get(row.id)) for row in rows]


def _sorted_rows(rows: list[Document], key: str, direction: float) -> list[Document]:
    """Rows by a numeric key; where a value is no number, the order of launch is kept."""
    if math.isnan(direction) or any(not _is_number(row.get(key)) for row in rows):
        return rows
    return sorted(rows, key=lambda row: row[key] * direction)


def _is_number(value: Any) -> bool:
    return isinstance(value, (int, float))


def load_for(job_id: str, caller: Caller) -> Any:
    """A job's row, if there is such a job and the caller has access to it."""
    row = db.read(lambda connection: Job.load(connection, job_id))
    if row is None:
        raise not_loaded(job_id)
    if not caller.is_unlimited:
        caller.check(json.loads(row.head) if row.final else job_views.live_document(row))
    return row


def get_text(job_id: str, caller: Caller, remove: Sequence[str] = ()) -> str:
    """One job as JSON text, live or final, without the keys in `remove`."""
    row = db.read(lambda connection: Job.load(connection, job_id))
    if row is None:
        raise not_loaded(job_id)
    if row.final and not remove and caller.is_unlimited:
        limit: int = current_app.config["INLINE_LOG_BYTES"]
        return job_views.final_text(row, verbose=True, log_limit_bytes=limit)
    document = whole_document(row, current_app.config["INLINE_LOG_BYTES"])
    caller.check(document)
    for key in remove:
        document.pop(key, None)
    return json.dumps(document)


def whole_document(row: Any, log_limit_bytes: int) -> Document:
    """Everything that get_job shows of a job."""
    if not row.final:
        return job_views.live_details(row, position_of(row))
    document = job_views.record_of(row)
    output = job_views.output_of(row, log_limit_bytes)
    return document if output is None else document | {"output": output}


def position_of(row: Any) -> int | None:
    """A queued job's place in its queue now; nothing for any other job."""
    if row.state != State.QUEUED:
        return None
    return db.read(lambda connection: live_jobs.position(connection, row))


def download_token(job_id: str) -> str:
    """The token for links to the job's log."""
    return job_views.token_of(job_id, "download", clock.now())


def many_texts(ids: Sequence[str], caller: Caller, *, verbose: bool) -> list[str]:
    """JSON text for each id, in order; a placeholder for what is missing or forbidden.

    Ask for a few hundred at a time: all of them are in memory together.
    """
    rows = db.read(lambda connection: Job.load_many(connection, ids))
    return [_row_text(rows.get(job_id), job_id, caller, verbose) for job_id in ids]


def _row_text(row: Any, job_id: str, caller: Caller, verbose: bool) -> str:
    limit: int = current_app.config["LIST_LOG_BYTES"]
    if row is not None and row.final and caller.is_unlimited:
        return job_views.final_text(row, verbose=verbose, log_limit_bytes=limit)
    document = None if row is None else whole_document(row, limit)
    if document is None or not caller.may_see(document):
        return json.dumps({"err": f"Failed to locate job: {job_id}"})
    if not verbose:
        document = {key: value for key, value in document.items() if key not in job_views.HEAVY}
    return json.dumps(document)


def abort(job_id: str, caller: Caller) -> None:
    """Ask the engine to abort a live job; it has ended when nothing of it is left."""
    gone = f"Job not found or is no longer active: {job_id}"

    def work(connection: sa.Connection) -> None:
        row = _live_row(connection, job_id, gone)
        caller.check(job_views.live_document(row))
        if row.abort_reason is None:
            Job.patch(connection, job_id, columns={"abort_reason": caller.abort_reason()})

    db.write(work)
    doorbell.ring()


def resume(
    job_id: str,
    params: Mapping[str, Any] | None,
    redirect: str | None,
    caller: Caller,
    ip: str,
    agent: str,
) -> None:
    """Ask the engine to go on with a suspended job, with `params` merged into its own."""
    gone = f"Job not found or is no longer active: {job_id}"
    asked = {"params": params, "redirect": redirect, "by": caller.name, "ip": ip, "agent": agent}

    def work(connection: sa.Connection) -> None:
        row = _live_row(connection, job_id, gone)
        document = job_views.live_document(row)
        caller.check(document)
        if not document.get("suspended") or row.resume is not None:
            raise Conflict(f"Job is not currently suspended: {job_id}", code="job")
        if not any(_is_suspension(action) for action in document["actions"]):
            text = f"Cannot locate active suspend action in job: {job_id}"
            raise Conflict(text, code="job")
        request = json.dumps(asked | {"at": clock.now()})
        Job.patch(connection, job_id, columns={"resume": request}, drop=("suspended",))

    db.write(work)
    doorbell.ring()


def _is_suspension(action: Any) -> bool:
    return action.get("type") == "suspend" and bool(action.get("active"))


def _live_row(connection: sa.Connection, job_id: str, text: str) -> Any:
    """A live job's row; 404 where there is no such job, 409 where it has ended."""
    row = Job.load(connection, job_id)
    if row is None:
        raise NotFound(text, code="job")
    if row.final:
        raise Conflict(text, code="job")
    return row


def delete(job_id: str, caller: Caller) -> None:
    """Delete a final job with its log and files."""

    def work(connection: sa.Connection) -> None:
        row = Job.load(connection, job_id)
        if row is None:
            raise not_loaded(job_id, code="job")
        if not row.final:
            text = f"Cannot delete a job that is still active: {job_id}"
            raise Conflict(text, code="job")
        caller.check(json.loads(row.head))
        Job.delete(connection, job_id)

    db.write(work)
    blobs.delete_job_blobs(current_app.config["INSTANCE_PATH"], job_id)
    doorbell.ring()


def update(job_id: str, changes: Mapping[str, Any], caller: Caller) -> None:
    """Change any keys of a job's record; of a live job only what the engine does not own."""
    del caller  # administrators only, and those have access to everything

    def work(connection: sa.Connection) -> None:
        row = Job.load(connection, job_id)
        if row is None:
            raise NotFound(f"Failed to update job: {missing(job_id)}", code="job")
        if row.final:
            record = adjusted(job_views.record_of(row), changes)
            Job.revise(connection, row, *job_views.split_record(record))
            return
        owned = sorted(ENGINE_KEYS & changes.keys())
        if owned:
            raise BadRequest(f"Cannot update keys of a running job: {', '.join(owned)}", code="job")
        reported = json.loads(row.results) if row.results else {}
        again = {key: value for key, value in changes.items() if key in reported}
        live = {key: value for key, value in changes.items() if key in job_views.LIVE_KEYS}
        Job.patch(connection, job_id, doc=changes, live=live, results=again)

    db.write(work)
    doorbell.ring()


def set_tags(job_id: str, tags: Sequence[Any], caller: Caller) -> None:
    """Replace a final job's tags, exactly as given."""
    shown = [str(tag) for tag in tags if not str(tag).startswith("_")]
    message = f"Updated job tags: {', '.join(shown) or '(None)'}"

    def work(connection: sa.Connection) -> None:
        row = Job.load(connection, job_id)
        if row is None:
            raise NotFound(f"Failed to update job: {missing(job_id)}", code="job")
        if not row.final:
            raise Conflict("Cannot update tags of running job.", code="job")
        record = job_views.record_of(row)
        caller.check(record)
        record["tags"] = list(tags)
        entry = activity(message, our_name(), username=caller.name)
        record["activity"] = [*record.get("activity", []), entry]
        Job.revise(connection, row, *job_views.split_record(record))

    db.write(work)
    doorbell.ring()


def flush_queue(event_id: str, caller: Caller) -> int:
    """Remove all queued jobs of an event, without a trace; returns how many."""

    def work(connection: sa.Connection) -> int:
        event = Event.get(connection, event_id)
        if event is None:
            raise NotFound(f"Event not found: {event_id}", code="event")
        caller.check(event)
        return live_jobs.delete_queued(connection, event_id)

    count = db.write(work)
    doorbell.ring()
    return count


def tail(job_id: str, size_bytes: int, caller: Caller) -> str:
    """The last bytes of a running job's log as text; empty for any other job."""
    row = db.read(lambda connection: Job.load(connection, job_id))
    if row is None or row.final:
        return ""
    caller.check(job_views.live_document(row))
    if row.launch is None:
        return ""
    instance = current_app.config["INSTANCE_PATH"]
    return blobs.tail(blobs.live_log(instance, job_id, row.launch), size_bytes)
