"""How jobs look from outside: documents of live jobs, spliced JSON text of final ones."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from flask import current_app

from core import blobs, json, tokens

Document = dict[str, Any]

#: What lists leave out unless they are asked to be verbose.
HEAVY = (
    "actions",
    "activity",
    "html",
    "limits",
    "procs",
    "conns",
    "table",
    "timelines",
    "input",
    "data",
    "files",
)

#: What changes many times a second, and is kept apart from the rest for that.
LIVE_KEYS = ("progress", "status", "cpu", "mem")

#: The columns that `final_text()` needs, and these with what a verbose text has as well.
TEXT_COLUMNS = ("id", "final", "head", "heavy", "log", "log_form", "log_size")
VERBOSE_COLUMNS = (*TEXT_COLUMNS, "timelines")

#: What plugins report that only get_job shows while a job lives.
_DETAILS = ("data", "files")


def live_document(row: Any, position: int | None = None) -> Document:
    """A live job as lists show it; `row` has at least the columns of `live_jobs.live_rows()`."""
    return _live_document(row, _results_of(row), position)


def _results_of(row: Any) -> Document:
    results: Document = json.loads(row.results) if row.results else {}
    return results


def _live_document(row: Any, results: Document, position: int | None) -> Document:
    document: Document = json.loads(row.doc)
    document.update((key, value) for key, value in results.items() if key not in _DETAILS)
    if row.live:
        document.update(json.loads(row.live))
    document.update(state=row.state, log_file_size=row.log_size)
    if position is not None:
        document["position"] = position
    return document


def live_details(row: Any, position: int | None = None) -> Document:
    """A live job as get_job shows it: with activity, input, data and files."""
    results = _results_of(row)
    document = _live_document(row, results, position)
    document["activity"] = json.loads(row.activity or "[]")
    if row.input:
        document["input"] = json.loads(row.input)
    document.update((key, results[key]) for key in _DETAILS if key in results)
    return document


def split_record(record: Mapping[str, Any]) -> tuple[Document, Document]:
    """A final record in the two parts in which it is stored: head and heavy."""
    head = {key: value for key, value in record.items() if key not in HEAVY}
    heavy = {key: record[key] for key in HEAVY if key in record}
    return head, heavy


def record_of(row: Any) -> Document:
    """A final job's whole record, without its log and its timelines."""
    record: Document = json.loads(row.head)
    record.update(json.loads(row.heavy))
    return record


def final_text(row: Any, *, verbose: bool, log_limit_bytes: int) -> str:
    """A final job as JSON text, put together from its stored parts without parsing them.

    Its timelines are not among them: `with_timelines()` adds them.
    """
    parts = [row.head, row.heavy] if verbose else [row.head]
    output = output_of(row, log_limit_bytes)
    if output is not None:
        parts.append(json.dumps({"output": output}))
    return splice(parts)


def with_timelines(text: str, timelines: str | None) -> str:
    """A job's text with its timelines as their key, where it has any."""
    return splice([text, f'{{"timelines":{timelines}}}']) if timelines else text


def splice(objects: Sequence[str]) -> str:
    """One JSON object text with the members of all `objects`, in their order."""
    members = (text[1:-1] for text in objects)
    return "{" + ",".join(member for member in members if member) + "}"


def output_of(row: Any, limit_bytes: int) -> str | None:
    """A final job's log as text; nothing when it has none, or a larger one than `limit_bytes`."""
    if row.log_form == "none" or row.log_size > limit_bytes:
        return None
    if row.log_form == "row":
        return bytes(row.log).decode("utf-8", "replace")
    log = blobs.open_log(_instance(), row.id)
    if log is None:
        return None
    try:
        return b"".join(log.blocks(0, log.size)).decode("utf-8", "replace")
    finally:
        log.close()


def token_of(job_id: str, purpose: str, now: float) -> str:
    """The token that opens a job's log (`download`) or stream (`stream`)."""
    config = current_app.config
    lifetime: float = config["TOKEN_LIFETIME"]
    expires = int(now + lifetime) if lifetime else None
    return tokens.job_token(purpose, job_id, config["SECRET_KEY"], expires)


def token_opens(token: str, job_id: str, purpose: str, now: float) -> bool:
    """Whether a token opens the job's log or stream."""
    return tokens.job_token_is_valid(
        token,
        purpose,
        job_id,
        current_app.config["SECRET_KEY"],
        now=now,
        must_expire=bool(current_app.config["TOKEN_LIFETIME"]),
    )


def _instance() -> Path:
    path: Path = current_app.config["INSTANCE_PATH"]
    return path
