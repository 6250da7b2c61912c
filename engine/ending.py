"""The end of a job: its result, its log, its tags, and the record that it becomes."""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from core import blobs, clock, json, timelines
from core.timelines import Timelines
from engine import actions, retries, suspension
from engine.limits import RETRY_ALLOWED, first_limit
from engine.turn import Turn
from models import live_jobs
from models.event import Event
from models.job import Job
from models.job_text import LOG_BYTES
from models.stored_file import StoredFile
from models.tag import Tag
from services import job_views
from services.hosts import our_name
from services.transitions import Row, State, activity

Document = dict[str, Any]

#: Logs up to this size, bytes, lie in the database.
_MOST_IN_ROW = 64 * 1024
#: What a record does not keep of a live job.
_NOT_IN_RECORDS = (
    *("remote", "redraw", "status", "suspended", "procs", "conns", "until"),
    *("aborting", "update_event", "delete_event"),
)
_DEFECT = "An internal error kept this job from ending; the engine's log says more."
#: What of a job's document says which job it is.
_IDENTITY = ("id", "event", "category", "plugin", "targets", "params", "source", "username")
_NOT_IN_CODES = re.compile(r"\W+")


@dataclass
class Log:
    """Where a job's log is to be kept."""

    form: str = "none"
    size: int = 0
    data: bytes | None = None
    #: Its beginning, as far as searches look at it.
    head: bytes = b""


def abort_now(
    turn: Turn, row: Any, reason: str, before: Sequence[Row] = (), *, may_retry: bool = False
) -> None:
    """End a job that has no process: aborted, with `reason`; `before` comes first in its log."""
    entries = [*before, activity(f"Aborting Job: {reason}", our_name())]
    if row.state == State.STARTING:
        job = job_views.live_document(row)
        released = suspension.resumed(job.get("actions", []), None)
        entries.append(activity(suspension.RESUMING, our_name()))
        Job.patch(turn.connection, row.id, doc={"actions": released})
    result = {"code": "abort", "description": reason, "complete": True}
    doc = {RETRY_ALLOWED: True} if may_retry else {}
    Job.patch(turn.connection, row.id, doc=doc, results=result, activity=entries)
    finalize(turn, row.id, log_source=None)


def finalize(
    turn: Turn,
    job_id: str,
    *,
    log_source: Path | None,
    files: list[Document] | None = None,
    measured: Timelines = timelines.NONE,
) -> None:
    """Turn a live job into its record; its result is what its row says by now.

    `log_source` is the file that its process wrote; `files` are its stored output files;
    `measured` is what its processes used over time.
    """
    row = Job.load(turn.connection, job_id)
    if row is None or row.final:
        return
    job = _record(turn, row, [*(files or []), *_sent_files(turn, job_id)])
    code = job["code"] = normal_code(job.get("code"))
    description = job.get("description", "")
    log = _store_log(turn, row, log_source, f"{description}\n" if code and description else "")
    retry_entries = retries.retry(turn, row, job)
    end_entries = [] if job.get("retried") else actions.end_actions(job, code)
    for key in _NOT_IN_RECORDS:
        job.pop(key, None)
    job["tags"], tag_entries = _final_tags(turn, job, code)
    kept = _keep_ephemeral(job)
    entries = [*kept, *retry_entries, *end_entries, *tag_entries]
    entries.append(activity(_result_text(job), our_name()))
    if job.get("ephemeral"):
        Job.delete(turn.connection, job_id)
        turn.after.append(lambda: blobs.delete_job_blobs(turn.settings["INSTANCE_PATH"], job_id))
        return
    job["activity"] = json.loads(row.activity or "[]") + entries
    job.update(measured.averages(row.started), log_file_size=log.size, final=True)
    if log.size > turn.settings["INLINE_LOG_BYTES"]:
        job["log_uploaded"] = True
    _write_record(turn, row, *job_views.split_record(job), log, measured.text)


def _sent_files(turn: Turn, job_id: str) -> list[Document]:
    """The files that were sent for the job while it ran; from now on its record names them."""
    Job.lock(turn.connection, job_id)
    texts = StoredFile.sent_for(turn.connection, job_id)
    if texts:
        StoredFile.forget_sent(turn.connection, job_id)
    return [json.loads(text) for text in texts]


def _keep_ephemeral(job: Document) -> list[Row]:
    """Let a job that was to leave no record leave one, if it failed or has files."""
    if not job.get("ephemeral") or not (job["code"] or job.get("files")):
        return []
    reason = "output files" if job.get("files") else "a non-zero code"
    del job["ephemeral"]
    return [activity(f"Removing ephemeral flag, as job has {reason}.", our_name())]


def give_up(turn: Turn, job_id: str) -> None:
    """End a job that a defect of ours keeps from ending, with what little is sure to be sound."""
    row = Job.load(turn.connection, job_id)
    if row is None or row.final:
        return
    now = clock.now()
    entries = [*json.loads(row.activity or "[]"), activity(f"Job failed: {_DEFECT}", our_name())]
    doc = json.loads(row.doc)
    kept = {key: doc[key] for key in _IDENTITY if key in doc}
    log = _store_log(turn, row, _log_file(turn, row), f"{_DEFECT}\n")
    head, heavy = job_views.split_record(
        kept
        | {"state": State.COMPLETE, "complete": True, "code": "internal", "description": _DEFECT}
        | {"started": row.started, "completed": now, "elapsed": round(now - row.started, 3)}
        | {"tags": ["_error", "_last"], "activity": entries, "final": True}
        | {"log_file_size": log.size}
    )
    _write_record(turn, row, head, heavy, log)


def _log_file(turn: Turn, row: Any) -> Path | None:
    if row.launch is None:
        return None
    return blobs.live_log(turn.settings["INSTANCE_PATH"], row.id, row.launch)


def _write_record(
    turn: Turn, row: Any, head: Document, heavy: Document, log: Log, timelines_text: str = ""
) -> None:
    Job.finalize(
        turn.connection,
        row,
        head,
        heavy,
        log_head=log.head,
        timelines=timelines_text,
        revision=row.revision + 1,
        code=str(head["code"]),
        log_size=log.size,
        log_form=log.form,
        log=log.data,
    )


def _record(turn: Turn, row: Any, files: list[Document]) -> Document:
    """The job as it will be kept, but for its log, tags, actions and activity."""
    position = live_jobs.position(turn.connection, row) if row.state == State.QUEUED else None
    job = job_views.live_details(row, position)
    job.pop("files", None)
    completed = clock.now()
    job.update(state=State.COMPLETE, complete=True, completed=completed)
    job["elapsed"] = round(max(0.0, completed - row.started), 3)
    if row.launch is not None:
        job.update(progress=1, files=files, updated=completed)
    event = turn.definition(Event, row.event)
    if event is not None:
        job.update(event_title=event["title"], event_revision=event.get("revision"))
    return job


def normal_code(code: Any) -> int | float | str:
    """A result code as records have it: 0, a number, or a lower-case word."""
    if not code:
        return 0
    if isinstance(code, str):
        return _NOT_IN_CODES.sub("_", code).lower()[:255]
    if isinstance(code, (int, float)) and not isinstance(code, bool):
        return code
    return "unknown"


def _store_log(turn: Turn, row: Any, source: Path | None, instead: str) -> Log:
    """Keep the log: in the row, as a file, or, where it is empty, the description instead."""
    size = _size(turn, row, source)
    if size > _MOST_IN_ROW and source is not None:
        instance = turn.settings["INSTANCE_PATH"]
        size = blobs.adopt_log(instance, row.id, source)
        return Log("plain", size, head=blobs.head(instance, row.id, LOG_BYTES))
    data = source.read_bytes() if size and source is not None else instead.encode()
    return Log("row", len(data), data, head=data) if data else Log()


def _size(turn: Turn, row: Any, source: Path | None) -> int:
    """The log's size in bytes, also where it was moved by an engine that died before its commit."""
    if source is None:
        return 0
    try:
        return source.stat().st_size
    except FileNotFoundError:
        log = blobs.open_log(turn.settings["INSTANCE_PATH"], row.id)
    if log is None:
        return 0
    log.close()
    return log.size


def _final_tags(turn: Turn, job: Document, code: Any) -> tuple[list[str], list[Row]]:
    """The record's tags: the known ones of the job, then those that tell how it ended."""
    known = {name for tag in turn.definitions(Tag) for name in (tag["id"], tag.get("title"))}
    wanted = [str(tag) for tag in job.get("tags", [])]
    entries = [
        activity(f"WARNING: Ignoring unknown tag: {tag}", our_name())
        for tag in wanted
        if tag not in known
    ]
    tags, chopped = _chopped([tag for tag in wanted if tag in known], job)
    entries += chopped
    tags += ["_error" if code else "_success", "_retried" if job.get("retried") else "_last"]
    if job.get("test"):
        tags.append("_test")
    if job.get("files") or (job.get("input") or {}).get("files"):
        tags.append("_files")
    return list(dict.fromkeys(tags)), entries


def _chopped(tags: list[str], job: Document) -> tuple[list[str], list[Row]]:
    """As many tags as the job may end with."""
    limit = first_limit(job, "tag")
    most = max(0, int(limit["amount"])) if limit else len(tags)
    if len(tags) <= most:
        return tags, []
    text = f"WARNING: Chopping {len(tags) - most} tags to adhere to limit of {most}"
    return tags[:most], [activity(text, our_name())]


def _result_text(job: Document) -> str:
    """The last line of the activity log."""
    description = job.get("description", "undefined")
    if job["code"] == "abort":
        return f"Job aborted: {description}"
    if job["code"]:
        return f"Job failed: {description} ({job['code']})"
    return "Job completed successfully."
