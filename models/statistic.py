"""Statistics: how often something happened to jobs, by day, hour and minute."""

from collections.abc import Mapping
from typing import Any

import sqlalchemy as sa
from sqlalchemy.orm import Mapped, mapped_column

from models.database import db
from models.statements import INSERTS

#: A span's name, its start in Unix seconds, an event's id (empty: all events), and what happened.
Key = tuple[str, int, str, str]


class Statistic(db.Model):  # type: ignore[misc, name-defined]
    """How often one thing happened in one span of time, to jobs of one event or of all."""

    __tablename__ = "statistics"
    __table_args__ = (sa.Index("ix_statistics_span_start", "span", "start"),)

    span: Mapped[str] = mapped_column(sa.String(8), primary_key=True)
    start: Mapped[int] = mapped_column(sa.BigInteger, primary_key=True, autoincrement=False)
    event: Mapped[str] = mapped_column(sa.String(255), primary_key=True)
    name: Mapped[str] = mapped_column(sa.String(64), primary_key=True)
    count: Mapped[int] = mapped_column(sa.BigInteger)

    @classmethod
    def add(cls, connection: sa.Connection, changes: Mapping[Key, int]) -> None:
        """Add to counts; those that were not there begin at nothing."""
        if not changes:
            return
        # In one order, so that two writers never wait for each other.
        rows = [
            {"span": span, "start": start, "event": event, "name": name, "count": number}
            for (span, start, event, name), number in sorted(changes.items(), key=_by_key)
        ]
        connection.execute(_UPSERTS[connection.dialect.name], rows)

    @classmethod
    def of(cls, connection: sa.Connection, span: str, start: int, event: str) -> dict[str, int]:
        """The counts of one span and event, by what happened."""
        rows = connection.execute(_OF, {"of_span": span, "of_start": start, "of_event": event})
        return {name: max(0, number) for name, number in rows}

    @classmethod
    def any_before(cls, connection: sa.Connection, span: str, before: int) -> bool:
        """Whether there are counts of spans that began before then."""
        query = sa.select(cls.start).where(cls.span == span, cls.start < before).limit(1)
        return connection.scalar(query) is not None

    @classmethod
    def forget(cls, connection: sa.Connection, span: str, before: int, limit: int) -> None:
        """Delete some of the counts of spans that began before then."""
        keys = (cls.span, cls.start, cls.event, cls.name)
        some = sa.select(*keys).where(cls.span == span, cls.start < before).limit(limit)
        connection.execute(sa.delete(cls).where(sa.tuple_(*keys).in_(some)))


def _by_key(item: tuple[Key, int]) -> Key:
    return item[0]


TABLE: Any = Statistic.__table__
_OF = sa.select(TABLE.c.name, TABLE.c.count).where(
    TABLE.c.span == sa.bindparam("of_span"),
    TABLE.c.start == sa.bindparam("of_start"),
    TABLE.c.event == sa.bindparam("of_event"),
)


def _upsert(insert: Any) -> Any:
    statement = insert(TABLE)
    keys = ["span", "start", "event", "name"]
    total = TABLE.c.count + statement.excluded.count
    return statement.on_conflict_do_update(index_elements=keys, set_={"count": total})


_UPSERTS = {dialect: _upsert(insert) for dialect, insert in INSERTS.items()}
