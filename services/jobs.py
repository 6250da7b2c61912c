"""Jobs: reading, changing, aborting, resuming and deleting what was accepted."""

from collections.abc import Sequence
from typing import Any

from flask import current_app

from core import blobs, clock, json, timelines
from core.aside import aside, aside_if
from core.errors import NotFound
from models import live_jobs
from models.database import db
from models.job import Job
from services import job_views
from services.access import Caller
from services.transitions import State

Document = dict[str, Any]


def missing(job_id: str) -> str:
    """What the API says of a record that can't be loaded."""
    return f"{job_id}: Error: Failed to fetch key: unbase/records/jobs/{job_id}: Not found"


def not_loaded(job_id: str, code: str = "notfound") -> NotFound:
    """The error for a job that does not exist."""
    return NotFound(f"Failed to load job details: {missing(job_id)}", code=code)


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
    if not remove and caller.is_unlimited:
        # By far the most frequent case: a few columns, put together unparsed.
        row = db.read(lambda connection: Job.load(connection, job_id, *job_views.VERBOSE_COLUMNS))
        if row is not None and row.final:
            limit: int = current_app.config["INLINE_LOG_BYTES"]
            text = job_views.final_text(row, verbose=True, log_limit_bytes=limit)
            return job_views.with_timelines(text, row.timelines)
    row = db.read(lambda connection: Job.load(connection, job_id))
    if row is None:
        raise not_loaded(job_id)
    document = whole_document(row, current_app.config["INLINE_LOG_BYTES"])
    caller.check(document)
    for key in remove:
        document.pop(key, None)
    text = aside_if(_size(row), json.dumps, document)
    return text if "timelines" in remove else _with_timelines(text, row)


def _with_timelines(text: str, row: Any) -> str:
    """A job's text, and what its processes used so far: a live one's are in its run's folder."""
    if row.launch is None:
        return text
    if row.final:
        stored = db.read(lambda connection: Job.load(connection, row.id, "timelines"))
        return text if stored is None else job_views.with_timelines(text, stored.timelines)
    folder = blobs.run_dir(current_app.config["INSTANCE_PATH"], row.id, row.launch)
    if not timelines.exist(folder):
        return text
    return job_views.with_timelines(text, aside(timelines.read, folder).text)


def whole_document(row: Any, log_limit_bytes: int) -> Document:
    """Everything that get_job shows of a job."""
    if not row.final:
        return aside_if(_size(row), job_views.live_details, row, position_of(row))
    document = aside_if(_size(row), job_views.record_of, row)
    output = job_views.output_of(row, log_limit_bytes)
    return document if output is None else document | {"output": output}


def _size(row: Any) -> int:
    """How much text a job is, characters."""
    return sum(len(text or "") for text in (row.results, row.activity, row.head, row.heavy))


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

    Ask for a few hundred at a time, or ten verbose ones: all of them are in memory together.
    """
    # PostgreSQL takes no NUL, and no job has one.
    known = [job_id for job_id in ids if "\0" not in job_id]
    rows = db.read(lambda connection: Job.load_many(connection, known))
    return [_row_text(rows.get(job_id), job_id, caller, verbose) for job_id in ids]


def _row_text(row: Any, job_id: str, caller: Caller, verbose: bool) -> str:
    limit: int = current_app.config["LIST_LOG_BYTES"]
    if row is not None and row.final and caller.is_unlimited:
        text = job_views.final_text(row, verbose=verbose, log_limit_bytes=limit)
        return _with_timelines(text, row) if verbose else text
    document = None if row is None else whole_document(row, limit)
    if document is None or not caller.may_see(document):
        return json.dumps({"err": f"Failed to locate job: {job_id}"})
    if not verbose:
        document = {key: value for key, value in document.items() if key not in job_views.HEAVY}
    text = json.dumps(document)
    return _with_timelines(text, row) if verbose else text


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
