"""The end of a job: its result, its log, its tags, and the record that it becomes."""

from collections.abc import Sequence
from typing import Any

from core import clock, json, timelines
from core.timelines import Timelines
from engine import actions, claims, event_changes, job_log, retries, server_data, suspension
from engine.limits import RETRY_ALLOWED, first_limit
from engine.turn import Turn
from models import live_jobs
from models.errand import Errand
from models.event import Event
from models.job import Job
from models.stored_file import StoredFile
from models.tag import Tag
from services import job_files, job_views
from services.codes import normal_code
from services.hosts import our_name
from services.transitions import Row, State, activity, move

Document = dict[str, Any]

#: What only a running job has.
_NOT_WHILE_COMPLETE = ("remote", "redraw", "status")
#: What lists don't show of a live job.
_DETAILS = ("data", "files")
#: What a record does not keep of a live job.
_NOT_IN_RECORDS = (
    *_NOT_WHILE_COMPLETE,
    *("suspended", "procs", "conns", "until", "aborting"),
    *("update_event", "delete_event"),
)
_DEFECT = "An internal error kept this job from ending; the engine's log says more."
#: What of a job's document says which job it is.
_IDENTITY = ("id", "event", "category", "plugin", "targets", "params", "source", "username")


def abort_now(
    turn: Turn, row: Any, reason: str, before: Sequence[Row] = (), *, may_retry: bool = False
) -> None:
    """End a job that has no process: aborted, with `reason`; `before` comes first in its log.

    A round of actions that is under way ends first.
    """
    was_starting = row.state == State.STARTING
    is_aborted = row.state == State.COMPLETE and not _is_settled(row)
    if is_aborted:
        # Before its start, whose actions it waits for: once is enough.
        Job.patch(turn.connection, row.id, columns={"abort_reason": None})
    else:
        _note_abort(turn, row, reason, before, may_retry=may_retry)
    if not Errand.any_of(turn.connection, row.id):
        finalize(turn, row.id)
    elif was_starting:
        move(turn.connection, row.id, State.STARTING, State.COMPLETE, by=our_name())


def _note_abort(
    turn: Turn, row: Any, reason: str, before: Sequence[Row], *, may_retry: bool
) -> None:
    job = json.loads(row.doc)
    entries = [*before, activity(f"Aborting Job: {reason}", our_name())]
    doc: Document = {RETRY_ALLOWED: True} if may_retry else {}
    if job.get("suspended") or row.resume is not None:
        doc["actions"] = suspension.resumed(job.get("actions", []), None)
        entries.append(activity(suspension.RESUMING, our_name()))
    Job.patch(
        turn.connection,
        row.id,
        columns={"abort_reason": None, "resume": None},
        doc=doc,
        drop=("suspended",),
        results={"code": "abort", "description": reason, "complete": True},
        activity=entries,
    )


def finalize(
    turn: Turn,
    job_id: str,
    files: Sequence[Document] = (),
    measured: Timelines = timelines.NONE,
) -> None:
    """Settle the result of a live job, which is what its row says by now, and run its end actions.

    Its record is made at once where none of them holds it, else when this is called again.
    `files` are its stored output files, `measured` is what its processes used over time.
    """
    row = Job.load(turn.connection, job_id)
    if row is None or row.final:
        return
    if _is_settled(row):
        if not _is_held(turn, row.id, json.loads(row.doc)):
            _conclude(turn, row, job_views.live_details(row), [])
        return
    job = _record(turn, row, [*files, *_sent_files(turn, job_id)])
    job.update(measured.averages(row.started), code=normal_code(job.get("code")))
    job["log_file_size"] = job_log.size_bytes(turn, row) or len(_instead_of_log(job).encode())
    entries = [*_released(row, job), *_keep_ephemeral(job), *retries.retry(turn, row, job)]
    if not job.get("retried"):
        ran = actions.end(job)
        job, entries = ran.job, [*entries, *ran.entries]
        claims.insert(turn, job_id, ran.claims)
    if _is_held(turn, job_id, job):
        _hold(turn, row, job, entries, measured.text)
    else:
        _conclude(turn, row, job, entries, measured.text)


def _released(row: Any, job: Document) -> list[Row]:
    """End the suspension of a job that was resumed and has ended before anybody saw to that."""
    if row.resume is None:
        return []
    job["actions"] = suspension.resumed(job.get("actions", []), json.loads(row.resume))
    return [activity(suspension.RESUMING, our_name())]


def _is_settled(row: Any) -> bool:
    """Whether a live job's end actions are under way: it is complete, and since when is known."""
    return row.state == State.COMPLETE and "completed" in json.loads(row.doc)


def _is_held(turn: Turn, job_id: str, job: Document) -> bool:
    return bool(job.get("suspended")) or Errand.any_of(turn.connection, job_id)


def _hold(turn: Turn, row: Any, job: Document, entries: Sequence[Row], timelines_text: str) -> None:
    """Keep a settled job among the live ones until its actions are done."""
    details = {key: job[key] for key in _DETAILS if key in job}
    left_out = {"activity", "input", *_NOT_WHILE_COMPLETE, *_DETAILS}
    doc = {key: value for key, value in job.items() if key not in left_out}
    columns: Document = dict.fromkeys(("live", "due", "until", "abort_reason", "resume"))
    columns |= {"doc": json.dumps(doc), "results": json.dumps(details)}
    columns |= {"log_size": job_log.size_bytes(turn, row), "timelines": timelines_text or None}
    if row.state == State.COMPLETE:
        # It was aborted before its start, and the actions for that have ended now.
        Job.patch(turn.connection, row.id, columns=columns, activity=entries)
        return
    before = State(row.state)
    move(
        turn.connection,
        row.id,
        before,
        State.COMPLETE,
        by=our_name(),
        rows=entries,
        columns=columns,
    )


def _conclude(
    turn: Turn, row: Any, job: Document, entries: Sequence[Row], timelines_text: str = ""
) -> None:
    """Make the record of a settled job; nothing holds it any more.

    One that was held has its timelines already.
    """
    log = job_log.store(turn, row, _instead_of_log(job))
    entries = [*entries, *event_changes.apply(turn, job), *server_data.keep(turn, job)]
    for key in _NOT_IN_RECORDS:
        job.pop(key, None)
    job["tags"], tag_entries = _final_tags(turn, job, job["code"])
    entries = [*entries, *_keep_ephemeral(job), *tag_entries]
    if not job.get("retried"):
        event_changes.note_end(turn, job)
    entries.append(activity(_result_text(job), our_name()))
    if row.launch is not None:
        turn.over.append((row.id, row.launch))
    if job.get("ephemeral"):
        Job.delete(turn.connection, row.id)
        turn.deleted.append(row.id)
        return
    job["activity"] = json.loads(row.activity or "[]") + entries
    job.update(log_file_size=log.size, final=True)
    if log.size > turn.settings["INLINE_LOG_BYTES"]:
        job["log_uploaded"] = True
    _write_record(turn, row, *job_views.split_record(job), log, timelines_text)


def _instead_of_log(job: Document) -> str:
    """What stands in the log of a job that wrote none: why it failed."""
    description = job.get("description", "")
    return f"{description}\n" if job["code"] and description else ""


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
    log = job_log.store(turn, row, f"{_DEFECT}\n")
    head, heavy = job_views.split_record(
        kept
        | {"state": State.COMPLETE, "complete": True, "code": "internal", "description": _DEFECT}
        | {"started": row.started, "completed": now, "elapsed": round(now - row.started, 3)}
        | {"tags": ["_error", "_last"], "activity": entries, "final": True}
        | {"log_file_size": log.size}
    )
    _write_record(turn, row, head, heavy, log)


def _write_record(
    turn: Turn,
    row: Any,
    head: Document,
    heavy: Document,
    log: job_log.Log,
    timelines_text: str = "",
) -> None:
    Job.finalize(
        turn.connection,
        row,
        head,
        heavy,
        log_head=log.head,
        file_bytes=log.file_bytes + _files_bytes(row.id, heavy),
        **({"timelines": timelines_text} if timelines_text else {}),
        revision=row.revision + 1,
        code=str(head["code"]),
        log_size=log.size,
        log_form=log.form,
        log=log.data,
    )


def _files_bytes(job_id: str, heavy: Document) -> int:
    """The bytes of the files that are the job's own."""
    files = job_files.file_entries(heavy.get("files"))
    return sum(job_files.own_bytes(job_id, file) for file in files)


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
