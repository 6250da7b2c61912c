"""Limits of running jobs: which fire, and what they do."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from core import clock, json
from core.formats import duration_text, size_text
from engine import claims
from engine.claims import Claim, notices
from engine.deeds import DEEDS
from engine.turn import Turn
from models.job import Job
from services.deadlines import next_due
from services.hosts import our_name
from services.transitions import Row, State, activity

Document = dict[str, Any]

_DETAILS = "### Abort Details:\n\n- **Aborted job successfully.**\n"
#: A job's key that lets it be tried again though it was aborted.
RETRY_ALLOWED = "retry_ok"
#: Limits that may fire while a process runs.
_WATCHED = ("time", "log", "mem", "cpu")
#: States in which they are looked at.
_WATCHED_STATES = (State.ACTIVE, State.FINISHING)


@dataclass(frozen=True)
class Reading:
    """What a job uses at one moment; None is what was not measured."""

    now: float
    started: float
    log_bytes: int | None = None
    mem_bytes: float | None = None
    cpu_percent: float | None = None
    #: What was measured last, processes and connections among it.
    live: Mapping[str, Any] = field(default_factory=dict)


@dataclass
class Effect:
    """What came of a look at a job's limits; without `changes` nothing did."""

    changes: Document = field(default_factory=dict)
    entries: list[Row] = field(default_factory=list)
    #: Who is to hear of it.
    claims: list[Claim] = field(default_factory=list)
    #: Why the job is to be aborted, if a limit asks for that.
    abort_reason: str | None = None


def first_limit(job: Mapping[str, Any], kind: str) -> Document | None:
    """The job's first enabled limit of a kind: the event's before its category's."""
    for limit in job.get("limits", []):
        if limit.get("type") == kind and limit.get("enabled"):
            return dict(limit)
    return None


def enforce(job_id: str, doc: Mapping[str, Any], reading: Reading) -> Effect:
    """Fire each limit of `doc` that the job is over, once."""
    effect = Effect()
    before = doc.get("limits", [])
    limits = [_looked_at(limit, reading) for limit in before]
    if limits == before:
        return effect
    effect.changes = {"limits": limits, "tags": list(doc.get("tags", []))}
    for place, limit in enumerate(limits):
        if "msg" in limit and limit not in before:
            if limit.get("snapshot"):
                _take_snapshot(limit, doc, reading, effect)
            _tell(job_id, limit, place, effect)
    if effect.abort_reason is not None:
        # No person wants the job to end, so it may be tried again.
        effect.changes[RETRY_ALLOWED] = True
    return effect


def _take_snapshot(
    limit: Document, doc: Mapping[str, Any], reading: Reading, effect: Effect
) -> None:
    """Keep in a limit what the job's processes looked like when it fired."""
    texts, outcome = DEEDS["snapshot"](limit, {**doc, **reading.live})
    effect.entries += [activity(text, our_name()) for text in texts]
    said = outcome.get("details") or f"- **{outcome['description']}**\n"
    section = f"### Snapshot Details:\n\n{said}"
    limit["details"] = "\n".join(filter(None, [section, limit["details"]]))


def _tell(job_id: str, limit: Document, place: int, effect: Effect) -> None:
    """Let the activity log, the tags and whom a limit names know that it has fired."""
    tags: list[str] = effect.changes["tags"]
    tags += [tag for tag in _tags_of(limit) if tag not in tags]
    entry = activity(limit["msg"], our_name(), job_id=job_id, limit=limit)
    effect.entries.append(entry)
    effect.claims += notices(limit, "limited", place)
    if limit.get("abort"):
        effect.abort_reason = effect.abort_reason or limit["msg"]


def fire_time_limits(turn: Turn, row: Any) -> str | None:
    """Fire the time limits that a job has passed; the reason for an abort, if one asks for it."""
    doc = json.loads(row.doc)
    live = json.loads(row.live) if row.live else {}
    effect = enforce(row.id, doc, Reading(clock.now(), row.started, live=live))
    limits = effect.changes.get("limits", doc.get("limits", []))
    is_watched = Job.patch(
        turn.connection,
        row.id,
        columns={"due": next_due(limits, row.started)},
        doc=effect.changes,
        activity=effect.entries,
        states=_WATCHED_STATES,
    )
    if not is_watched:
        return None
    claims.insert(turn, row.id, effect.claims)
    return effect.abort_reason


def are_watched(limits: Sequence[Mapping[str, Any]]) -> bool:
    """Whether any of these limits asks for a look at what the job uses."""
    return any(limit.get("type") != "time" and _is_open(limit) for limit in limits)


def _is_open(limit: Mapping[str, Any]) -> bool:
    """Whether a limit may still fire."""
    is_watched = limit.get("type") in _WATCHED
    return bool(is_watched and limit.get("enabled") and not limit.get("date"))


def _tags_of(limit: Mapping[str, Any]) -> list[str]:
    """The tags that a limit adds; events may have anything in their place."""
    tags = limit.get("tags")
    return [tag for tag in tags if isinstance(tag, str)] if isinstance(tags, list) else []


def _looked_at(limit: Document, reading: Reading) -> Document:
    """A limit after a look: as it was, fired, or with the time since when the job is over it."""
    if not _is_open(limit):
        return limit
    since = _over_since(limit, reading)
    if since is None:
        return {key: value for key, value in limit.items() if key != "when"}
    if limit["type"] in ("mem", "cpu") and reading.now - since < (limit.get("duration") or 0):
        return limit | {"when": since}
    return limit | _fired(limit, reading.now)


def _over_since(limit: Mapping[str, Any], reading: Reading) -> float | None:
    """Since when a job is over a limit; None while it is not."""
    if limit["type"] == "time":
        end: float = reading.started + limit["duration"]
        return end if end <= reading.now else None
    used = {"log": reading.log_bytes, "mem": reading.mem_bytes, "cpu": reading.cpu_percent}
    amount = used[limit["type"]]
    if amount is None:
        # Not measured this time: what was true before still is.
        return limit.get("when")
    return limit.get("when", reading.now) if amount > limit["amount"] else None


def _fired(limit: Mapping[str, Any], now: float) -> Document:
    return {
        "code": 0,
        "details": _DETAILS if limit.get("abort") else "",
        "date": now,
        "elapsed_ms": 0,
        "msg": _message(limit),
        "description": "Successfully applied limits.",
    }


def _message(limit: Mapping[str, Any]) -> str:
    kind = limit["type"]
    if kind == "time":
        text = duration_text(limit["duration"])
        return f"Job elapsed time has exceeded maximum limit of {text}."
    if kind == "log":
        return f"Job output size has exceeded maximum limit of {size_text(limit['amount'])}."
    lasted = duration_text(limit.get("duration") or 0, parts=1)
    what, amount = "CPU", f"{limit['amount']:g}%"
    if kind == "mem":
        what, amount = "memory", size_text(limit["amount"])
    return f"Job {what} usage has exceeded maximum limit of {amount} for {lasted}."
