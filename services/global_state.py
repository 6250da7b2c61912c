"""What is switched on or off for the whole server."""

from collections.abc import Mapping

import sqlalchemy as sa

from models.database import db
from models.global_state import GlobalState
from services import audit, doorbell
from services.access import Caller

#: Whether events run by themselves.
SCHEDULER = "scheduler.enabled"


def scheduler_is_on(connection: sa.Connection) -> bool:
    """Whether events run by themselves; they do until somebody says otherwise."""
    return bool(GlobalState.get(connection, SCHEDULER, default=True))


def update(changes: Mapping[str, bool], caller: Caller) -> None:
    """Set values, by their names."""

    def work(connection: sa.Connection) -> None:
        for name, value in changes.items():
            GlobalState.put(connection, name, value)
        text = ", ".join(f"{name} = {str(value).lower()}" for name, value in changes.items())
        audit.record(connection, caller, "state_update", text, changes)

    db.write(work)
    doorbell.ring()
