"""What the scheduler remembers of each event, apart from the event that callers edit."""

from collections.abc import Mapping
from typing import Any

import sqlalchemy as sa
from sqlalchemy.orm import Mapped, mapped_column

from core import json
from models.database import db
from models.document import Document
from models.statements import insert_new


class EventState(db.Model):  # type: ignore[misc, name-defined]
    """One event's `cursor` (until when it was scheduled), `nth`, `robin` (counters), `last_…`."""

    __tablename__ = "event_states"

    event: Mapped[str] = mapped_column(sa.String(255), primary_key=True)
    doc: Mapped[str] = mapped_column(sa.Text)

    @classmethod
    def get(cls, connection: sa.Connection, event_id: str) -> Document:
        """What is remembered of the event; empty for one that nothing is known of."""
        text = connection.scalar(sa.select(cls.doc).where(cls.event == event_id))
        return {} if text is None else json.loads(text)

    @classmethod
    def merge(cls, connection: sa.Connection, event_id: str, changes: Mapping[str, Any]) -> None:
        """Set these keys and leave all others as they are."""
        insert_new(connection, cls.__table__, {"event": event_id, "doc": "{}"})
        row = sa.select(cls.doc).where(cls.event == event_id).with_for_update()
        document = json.loads(connection.scalar(row) or "{}") | changes
        values = {"doc": json.dumps(document)}
        connection.execute(sa.update(cls).where(cls.event == event_id).values(values))

    @classmethod
    def all(cls, connection: sa.Connection) -> dict[str, Document]:
        """What is remembered of each event."""
        rows = connection.execute(sa.select(cls.event, cls.doc))
        return {row.event: json.loads(row.doc) for row in rows}

    @classmethod
    def add_job(cls, connection: sa.Connection, event_id: str, job: Mapping[str, Any]) -> None:
        """Remember an event's latest job, how often it has run and how long in all."""
        before = cls.get(connection, event_id)
        latest = {
            "last_job": job["id"],
            "last_code": job["code"],
            "last_completed": job["completed"],
            "total_elapsed": round(_number(before, "total_elapsed") + job["elapsed"], 3),
            "total_count": int(_number(before, "total_count")) + 1,
        }
        cls.merge(connection, event_id, latest)

    @classmethod
    def delete(cls, connection: sa.Connection, event_id: str) -> None:
        """Forget the event."""
        connection.execute(sa.delete(cls).where(cls.event == event_id))


def _number(state: Mapping[str, Any], key: str) -> float:
    """A number that was remembered; callers may have put anything in its place."""
    value: Any = state.get(key)
    is_number = isinstance(value, (int, float)) and not isinstance(value, bool)
    return float(value) if is_number and abs(value) < 1e15 else 0.0
