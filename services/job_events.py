"""What jobs do to the events that they are runs of: changing, disabling and deleting them."""

from typing import Any

import sqlalchemy as sa

from core import clock
from core.errors import BadRequest
from models.event import Event
from models.event_state import EventState
from services import audit, events
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


def update(connection: sa.Connection, job: Document, changes: Any) -> None:
    """Merge what a plugin asked for into its job's event, if that makes a sound event.

    What its plugin has locked stays as it is. Raises `BadRequest` for changes that no caller
    could make either.
    """
    event = Event.for_change(connection, job["event"])
    if event is None:
        return
    if not isinstance(changes, dict):
        raise BadRequest("Not an object")
    after = events.changed(connection, event, changes)
    after |= {"modified": job["completed"], "revision": event.get("revision", 0) + 1}
    Event.replace(connection, after)
    _record(connection, job, "event_update", after)


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
