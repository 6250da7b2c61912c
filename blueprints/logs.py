"""Logs of jobs: whole, in parts, or their ends; always in bounded memory."""

from pathlib import Path
from typing import Any

from flask import Response, current_app

from blueprints.auth import requires
from blueprints.downloads import STATUSES, log_response, pause
from blueprints.wire import ApiBlueprint, params
from core import blobs, clock
from core.archive import StoredLog
from models.database import db
from models.job import Job
from schemas.job import JobId
from schemas.log import LogLink, TailLog
from schemas.replies import TextReply
from services import job_views, jobs
from services.access import Caller

bp = ApiBlueprint("logs", __name__)


@bp.api("get_job_log", media_type="text/plain", statuses=(204, *STATUSES))
@params(JobId)
@requires()
def get_job_log(caller: Caller, id: str) -> Response:
    """Send a job's log: the whole one of a job that has ended, what there is of a running one.

    204 when the job has no log text. Supports `Range`, `ETag` and HEAD; gzip-encoded only for
    clients that accept it.
    """
    row = jobs.load_for(id, caller)
    log = _open(row)
    if log is None:
        return Response(status=204)
    return log_response(log, pause=pause)


@bp.api("view_job_log", media_type="text/plain", statuses=STATUSES)
@params(LogLink)
def view_job_log(id: str, t: str) -> Response:
    """Send a job's log to whoever has the job's token; no key is needed."""
    return _by_token(id, t, download=False)


@bp.api("download_job_log", media_type="text/plain", statuses=STATUSES)
@params(LogLink)
def download_job_log(id: str, t: str) -> Response:
    """Send a job's log as a file to save to whoever has the job's token; no key is needed."""
    return _by_token(id, t, download=True)


@bp.api("tail_live_job_log", returns=TextReply)
@params(TailLog)
@requires()
def tail_live_job_log(caller: Caller, id: str, bytes: int) -> dict[str, str]:
    """Get the end of a running job's log as text; empty for a job that is not running."""
    return {"text": jobs.tail(id, bytes, caller)}


def _by_token(job_id: str, token: str, *, download: bool) -> Response:
    """The log for a link; its errors are plain text, because people see them in browsers."""
    if not job_views.token_opens(token, job_id, "download", clock.now()):
        return _text("(Authentication failed.)\n", 403)
    row = db.read(lambda connection: Job.load(connection, job_id))
    if row is None:
        return _text(f"Job record not found: {job_id}", 404)
    log = _open(row)
    if log is None:
        return _text(f"No log file found for job: {job_id}", 404)
    kind = "Job-Log" if row.final else "Partial-Job-Log"
    name = f"xyOps-{kind}-{job_id}.txt" if download else None
    return log_response(log, filename=name, pause=pause)


def _text(text: str, status: int) -> Response:
    return Response(text, status, content_type="text/plain; charset=utf-8")


def _open(row: Any) -> StoredLog | None:
    """The job's log wherever it is now; nothing when it has no text."""
    if row.log_form == "row":
        return blobs.open_bytes(bytes(row.log))
    if row.final and row.log_form == "none":
        return None
    if not row.final and row.launch is None:
        return None
    instance: Path = current_app.config["INSTANCE_PATH"]
    log = blobs.open_log(instance, row.id, None if row.final else row.launch)
    if log is not None and log.size == 0:
        log.close()
        return None
    return log
