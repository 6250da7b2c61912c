"""How often somebody has done something lately, for what may be done only so often."""

from typing import Any

import sqlalchemy as sa
from sqlalchemy.orm import Mapped, mapped_column

from models.database import db
from models.statements import INSERTS, delete_some


class RequestCount(db.Model):  # type: ignore[misc, name-defined]
    """The count of one subject, such as a key, in its current period; one row each."""

    __tablename__ = "request_counts"

    subject: Mapped[str] = mapped_column(sa.String(80), primary_key=True)
    #: The number of the period since the epoch.
    period: Mapped[int] = mapped_column(sa.BigInteger)
    count: Mapped[int] = mapped_column(sa.BigInteger)
    #: When the count is of no more use, Unix seconds.
    until: Mapped[float] = mapped_column(sa.Float(53), index=True)

    @classmethod
    def increase(cls, connection: sa.Connection, subject: str, period: int, until: float) -> int:
        """Count one more in this period, in one statement; returns the count with it."""
        statement: Any = INSERTS[connection.dialect.name](cls.__table__)
        new = statement.excluded
        # Whoever reads the clock before the period turns and writes after it counts in the new one.
        is_late = new.period == cls.period - 1
        statement = statement.on_conflict_do_update(
            index_elements=[cls.subject],
            set_={
                "count": sa.case((is_late | (new.period == cls.period), cls.count + 1), else_=1),
                "period": sa.case((is_late, cls.period), else_=new.period),
                "until": new.until,
            },
        )
        values = {"subject": subject, "period": period, "count": 1, "until": until}
        return int(connection.execute(statement.values(values).returning(cls.count)).scalar_one())

    @classmethod
    def decrease(cls, connection: sa.Connection, subject: str) -> None:
        """Take one back."""
        counted = (cls.subject == subject) & (cls.count > 0)
        connection.execute(sa.update(cls).where(counted).values(count=cls.count - 1))

    @classmethod
    def drop(cls, connection: sa.Connection, subject: str) -> None:
        """Forget what was counted for a subject."""
        connection.execute(sa.delete(cls).where(cls.subject == subject))

    @classmethod
    def forget(cls, connection: sa.Connection, before: float, limit: int) -> None:
        """Delete some of the counts that were of use only before then."""
        delete_some(connection, cls.subject, cls.until < before, limit)
