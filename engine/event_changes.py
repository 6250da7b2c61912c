"""What the end of a job changes in its event: what the plugin asked for, and what is remembered."""

from typing import Any

from core.errors import BadRequest
from engine.turn import Turn
from models.event import Event
from models.event_state import EventState
from services import job_events
from services.hosts import our_name
from services.statistics import end_conditions
from services.transitions import Row, activity

Document = dict[str, Any]


def apply(turn: Turn, job: Document) -> list[Row]:
    """Delete or change the job's event as its plugin asked; returns activity entries."""
    if job.get("delete_event"):
        job_events.delete(turn.connection, job)
    elif job.get("update_event"):
        try:
            job_events.update(turn.connection, job, job["update_event"])
        except BadRequest as error:
            text = f"WARNING: Failed to update event: {error.description}"
            return [activity(text, our_name())]
    return []


def note_end(turn: Turn, job: Document) -> None:
    """Count an end, and remember it with its event; ends that are tried again don't count."""
    turn.tallied.extend((job["event"], name) for name in end_conditions(job["code"]))
    if turn.definition(Event, job["event"]) is not None and not job.get("delete_event"):
        EventState.add_job(turn.connection, job["event"], job)


def note_start(turn: Turn, job: Document) -> None:
    """Count a start."""
    turn.tallied.append((job["event"], "start"))
