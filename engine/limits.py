"""Limits of running jobs: which fire, and what they do."""

from collections.abc import Sequence
from typing import Any

from core import clock, json
from core.formats import duration_text
from engine.turn import Turn
from models.job import Job
from services.hosts import our_name
from services.transitions import State, activity

Document = dict[str, Any]

_DETAILS = "### Abort Details:\n\n- **Aborted job successfully.**\n"


def fire_time_limits(turn: Turn, row: Any) -> str | None:
    """Fire the time limits that a job has passed; the reason for an abort, if one asks for it."""
    now = clock.now()
    doc = json.loads(row.doc)
    limits = [dict(limit) for limit in doc.get("limits", [])]
    tags, reason, entries = list(doc.get("tags", [])), None, []
    for limit in limits:
        if not _is_open(limit) or row.started + limit["duration"] > now:
            continue
        text = duration_text(limit["duration"])
        message = f"Job elapsed time has exceeded maximum limit of {text}."
        limit.update(_fired(message, now, aborts=bool(limit.get("abort"))))
        tags += [tag for tag in limit.get("tags", []) if tag not in tags]
        entries.append(activity(message, our_name(), job_id=row.id, limit=limit))
        if limit.get("abort"):
            reason = reason or message
    is_active = Job.patch(
        turn.connection,
        row.id,
        columns={"due": next_due(limits, row.started)},
        doc={"limits": limits, "tags": tags},
        activity=entries,
        states=(State.ACTIVE,),
    )
    return reason if is_active else None


def next_due(limits: Sequence[Document], started: float) -> float | None:
    """When the next time limit of a job fires, Unix seconds."""
    moments = [started + limit["duration"] for limit in limits if _is_open(limit)]
    return min(moments, default=None)


def _is_open(limit: Document) -> bool:
    """Whether a limit is a time limit that may still fire."""
    return bool(limit.get("type") == "time" and limit.get("enabled") and not limit.get("date"))


def _fired(message: str, now: float, *, aborts: bool) -> Document:
    return {
        "code": 0,
        "details": _DETAILS if aborts else "",
        "date": now,
        "elapsed_ms": 0,
        "msg": message,
        "description": "Successfully applied limits.",
    }
