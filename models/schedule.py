"""Schedules: up to when each event was scheduled, and when it has to be looked at again."""

from collections.abc import Sequence
from typing import Any, cast

import sqlalchemy as sa
from sqlalchemy.orm import Mapped, mapped_column

from core import clock
from models.database import db
from models.statements import KEY, insert_new

#: Instead of a minute: the event has changed, so that nobody knows when it is due.
CHANGED = 0


class Schedule(db.Model):  # type: ignore[misc, name-defined]
    """The place of one event in time; each has one, also those that never run by themselves."""

    __tablename__ = "schedules"

    event: Mapped[str] = mapped_column(sa.String(255), primary_key=True)
    #: The next minute in which it runs, Unix seconds; nothing when there is none.
    due: Mapped[int | None] = mapped_column(sa.BigInteger, index=True)
    #: The last minute that was looked at, Unix seconds; nothing for an event that is new.
    cursor: Mapped[int | None] = mapped_column(sa.BigInteger)

    @classmethod
    def touch(cls, connection: sa.Connection, event_id: str) -> None:
        """An event is new or has changed: the scheduler has to look at it.

        A minute that is due already stays so, or its run would be lost.
        """
        row = {"event": event_id, "due": CHANGED, "cursor": None}
        if not insert_new(connection, TABLE, row):
            is_later = sa.or_(cls.due.is_(None), cls.due > int(clock.now()))
            query = sa.update(cls).where(cls.event == event_id, is_later)
            connection.execute(query.values(due=CHANGED))

    @classmethod
    def find_due(cls, connection: sa.Connection, now: float, limit: int) -> Sequence[Any]:
        """The events that have to be looked at, longest waiting first."""
        return connection.execute(_DUE, {"now": int(now), "most": limit}).all()

    @classmethod
    def due_until(
        cls,
        connection: sa.Connection,
        end: float,
        after: tuple[int, str],
        limit: int,
        event_id: str | None = None,
    ) -> Sequence[Any]:
        """The events that are due until `end`, or one of them, in order; those after a place."""
        place = sa.tuple_(cls.due, cls.event)
        query = sa.select(cls.event, cls.due).where(cls.due <= int(end), place > after)
        if event_id is not None:
            query = query.where(cls.event == event_id)
        return connection.execute(query.order_by(cls.due, cls.event).limit(limit)).all()

    @classmethod
    def next_due(cls, connection: sa.Connection) -> int | None:
        """When the next event has to be looked at, Unix seconds."""
        due: int | None = connection.scalar(_NEXT)
        return due

    @classmethod
    def advance(
        cls, connection: sa.Connection, event_id: str, cursor: int, due: int | None
    ) -> None:
        """An event was scheduled up to `cursor` and runs at `due` next."""
        connection.execute(_ADVANCE, {KEY: event_id, "new_cursor": cursor, "new_due": due})

    @classmethod
    def drop(cls, connection: sa.Connection, event_id: str) -> None:
        """Forget an event that is no more."""
        connection.execute(sa.delete(cls).where(cls.event == event_id))


TABLE = cast(sa.Table, Schedule.__table__)
_DUE = (
    sa.select(TABLE.c.event, TABLE.c.due, TABLE.c.cursor)
    .where(TABLE.c.due <= sa.bindparam("now"))
    .order_by(TABLE.c.due, TABLE.c.event)
    .limit(sa.bindparam("most"))
)
_NEXT = sa.select(sa.func.min(TABLE.c.due))
_ADVANCE = (
    sa.update(TABLE)
    .where(TABLE.c.event == sa.bindparam(KEY))
    .values(cursor=sa.bindparam("new_cursor"), due=sa.bindparam("new_due"))
)
