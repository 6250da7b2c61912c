"""What the scheduler remembers of each event, apart from the event that callers edit."""

from collections.abc import Mapping
from typing import Any, cast

import sqlalchemy as sa
from sqlalchemy.orm import Mapped, mapped_column

from core import json
from models.database import db
from models.document import Document
from models.statements import KEY, insert_new


class EventState(db.Model):  # type: ignore[misc, name-defined]
    """One event's `cursor` (until when it was scheduled), `nth`, `robin` (counters), `last_…`."""

    __tablename__ = "event_states"

    event: Mapped[str] = mapped_column(sa.String(255), primary_key=True)
    doc: Mapped[str] = mapped_column(sa.Text)

    @classmethod
    def get(cls, connection: sa.Connection, event_id: str) -> Document:
        """What is remembered of the event; empty for one that nothing is known of."""
        text = connection.scalar(_DOC, {KEY: event_id})
        return {} if text is None else json.loads(text)

    @classmethod
    def merge(cls, connection: sa.Connection, event_id: str, changes: Mapping[str, Any]) -> None:
        """Set these keys and leave all others as they are."""
        cls._put(connection, event_id, {**cls._held(connection, event_id), **changes})

    @classmethod
    def _held(cls, connection: sa.Connection, event_id: str) -> Document:
        """What is remembered of the event, its row kept from others until the transaction ends."""
        text = connection.scalar(_LOCKED_DOC, {KEY: event_id})
        if text is None:
            insert_new(connection, TABLE, {"event": event_id, "doc": "{}"})
            # Another transaction may have been faster.
            text = connection.scalar(_LOCKED_DOC, {KEY: event_id})
        document: Document = json.loads(text or "{}")
        return document

    @classmethod
    def _put(cls, connection: sa.Connection, event_id: str, document: Document) -> None:
        connection.execute(_UPDATE, {KEY: event_id, "new_doc": json.dumps(document)})

    @classmethod
    def all(cls, connection: sa.Connection) -> dict[str, Document]:
        """What is remembered of each event."""
        rows = connection.execute(sa.select(cls.event, cls.doc))
        return {row.event: json.loads(row.doc) for row in rows}

    @classmethod
    def add_job(cls, connection: sa.Connection, event_id: str, job: Mapping[str, Any]) -> None:
        """Remember an event's latest job, how often it has run and how long in all."""
        before = cls._held(connection, event_id)
        latest = {
            "last_job": job["id"],
            "last_code": job["code"],
            "last_completed": job["completed"],
            "total_elapsed": round(_number(before, "total_elapsed") + job["elapsed"], 3),
            "total_count": int(_number(before, "total_count")) + 1,
        }
        cls._put(connection, event_id, before | latest)

    @classmethod
    def delete(cls, connection: sa.Connection, event_id: str) -> None:
        """Forget the event."""
        connection.execute(sa.delete(cls).where(cls.event == event_id))


TABLE = cast(sa.Table, EventState.__table__)
_IS_IT = TABLE.c.event == sa.bindparam(KEY)
_DOC = sa.select(TABLE.c.doc).where(_IS_IT)
_LOCKED_DOC = _DOC.with_for_update()
_UPDATE = sa.update(TABLE).where(_IS_IT).values(doc=sa.bindparam("new_doc"))


def _number(state: Mapping[str, Any], key: str) -> float:
    """A number that was remembered; callers may have put anything in its place."""
    value: Any = state.get(key)
    is_number = isinstance(value, (int, float)) and not isinstance(value, bool)
    return float(value) if is_number and abs(value) < 1e15 else 0.0
