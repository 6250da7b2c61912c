"""What jobs do to the events that they are runs of: disabling and deleting them."""

from typing import Any

import sqlalchemy as sa

from core import clock
from models.event import Event
from models.event_state import EventState
from services import audit
from services.access import Caller

Document = dict[str, Any]


def change(connection: sa.Connection, job: Document, changes: Document) -> bool:
    """Merge changes into a job's event; false where it does not exist any more.

    The caller vouches for the changes.
    """
    event = Event.for_change(connection, job["event"])
    if event is None:
        return False
    if all(event.get(key) == value for key, value in changes.items()):
        return True
    event |= changes
    event |= {"modified": int(clock.now()), "revision": event.get("revision", 0) + 1}
    Event.replace(connection, event)
    _record(connection, job, "event_update", event)
    return True


def delete(connection: sa.Connection, job: Document) -> None:
    """Delete a job's event; those of its jobs that live go on, what has not started ends."""
    event = Event.for_change(connection, job["event"])
    if event is None:
        return
    Event.delete(connection, event["id"])
    EventState.delete(connection, event["id"])
    _record(connection, job, "event_delete", event)


def _record(connection: sa.Connection, job: Document, action: str, event: Document) -> None:
    """Note the change on the account of whoever ran the job."""
    name = str(job.get("username") or "")
    caller = Caller(job["id"], name, name, is_key=False, privileges=frozenset())
    keywords = [event["id"], job["id"]]
    audit.record(connection, caller, action, event["title"], keywords, event=event, reason="job")
