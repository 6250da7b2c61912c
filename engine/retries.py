"""Retries: a job that failed is run again, as often and after such delays as its limit says."""

import random
from collections.abc import Mapping, Sequence
from typing import Any

from core import clock, json
from core.errors import ApiError, BadRequest
from core.ids import new_id
from engine.limits import RETRY_ALLOWED, first_limit
from engine.turn import Turn
from models.category import Category
from models.event import Event
from models.plugin import Plugin
from models.statements import savepoint
from services import launching
from services.hosts import our_name
from services.transitions import ENGINE_KEYS, Row, State, activity

Document = dict[str, Any]

#: What of a job belongs to one attempt.
_OF_ATTEMPT = (ENGINE_KEYS - {"event"}) | {"until", "now", "retry_prev"}
#: What an action or a limit notes once it has run or fired.
_OUTCOME = frozenset(
    ("code", "description", "details", "date", "elapsed_ms", "msg", "when", "active", "loc")
)
#: The longest delay, seconds: about three years.
_LONGEST_DELAY = 1e8


def retry(turn: Turn, row: Any, job: Document) -> list[Row]:
    """Launch a failed job again, if it may be; notes that in its record `job`.

    Returns activity entries. The new job is inserted in the transaction that ends the old one,
    so there is exactly one.
    """
    limit = first_limit(job, "retry")
    may_retry = job["code"] and (job["code"] != "abort" or job.get(RETRY_ALLOWED))
    if limit is None or limit["amount"] <= 0:
        return []
    job.pop(RETRY_ALLOWED, None)
    if not may_retry:
        return []
    doc = json.loads(row.doc)
    count: int = doc.get("retry_count", 0)
    amount = f"{limit['amount']:g}"
    if count >= limit["amount"]:
        text = f"Reached retry limit ({amount}), will not retry job."
        return [activity(text, our_name())]
    entries = [activity(f"Launching retry #{count + 1} of {amount}", our_name())]
    delay = delay_seconds(limit, count, random.random())  # noqa: S311 - no secret
    try:
        _check(turn, job)
        launching.check_days(turn.connection, job)
        with savepoint(turn.connection):
            new_job_id = _launch(turn, row, doc, count, delay)
    except ApiError as error:
        reason = error.description.removeprefix("Failed to launch job: ")
        text = f"Failed to launch event for retry: {reason}"
        return [*entries, activity(text, our_name())]
    job["retried"] = True
    job["jobs"] = [*job.get("jobs", []), {"id": new_job_id, "reason": "retry"}]
    return [*entries, activity(f"Launched job for retry: #{new_job_id}", our_name())]


def delay_seconds(limit: Mapping[str, Any], count: int, chance: float) -> float:
    """How long to wait before the retry after `count` others; `chance` is between 0 and 1.

    The delay grows by the factor `backoff` each time, up to `max_duration`; chance takes away up
    to the part `jitter` of it, so that jobs that failed together don't come back together.
    """
    try:
        delay: float = (limit.get("duration") or 0) * (limit.get("backoff") or 1) ** count
    except OverflowError:
        delay = _LONGEST_DELAY
    longest = min(limit.get("max_duration") or _LONGEST_DELAY, _LONGEST_DELAY)
    return min(delay, longest) * (1 - (limit.get("jitter") or 0) * chance)


def _check(turn: Turn, job: Document) -> None:
    """Raise `ApiError` where a job can't be launched again."""
    for noun, table in (("Event", Event), ("Category", Category), ("Plugin", Plugin)):
        key = str(job.get(noun.lower()))
        record = turn.definition(table, key)
        if record is None:
            raise BadRequest(f"{noun} not found: {key}")
        if not record.get("enabled") and not job.get("test"):
            raise BadRequest(f"{noun} is disabled: {record.get('title')}")


def _launch(turn: Turn, row: Any, doc: Document, count: int, delay: float) -> str:
    """Insert the next attempt: the job as it was before its process ran, with its input."""
    now = clock.now()
    job = {key: value for key, value in doc.items() if key not in _OF_ATTEMPT}
    job |= {
        "id": new_id("j"),
        "limits": _anew(doc.get("limits", [])),
        "actions": _anew(doc.get("actions", [])),
        "state": State.RETRY_DELAY if delay > 0 else State.READY,
        "started": now,
        "now": now,
        "log_file_size": 0,
        "retry_count": count + 1,
        "retry_prev": row.id,
    }
    if delay > 0:
        job["until"] = now + delay
    launching.insert(turn.connection, job, json.loads(row.input) if row.input else None)
    return str(job["id"])


def _anew(entries: Sequence[Document]) -> list[Document]:
    """Actions or limits as they were before they ran; what the process had pushed is its own."""
    return [
        {key: value for key, value in entry.items() if key not in _OUTCOME}
        for entry in entries
        if entry.get("source") != "job"
    ]
