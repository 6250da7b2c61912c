"""Errands: what actions have to do beyond their jobs, from the claim until the outcome is there."""

from collections.abc import Collection, Sequence
from typing import Any, cast

import sqlalchemy as sa
from sqlalchemy.orm import Mapped, mapped_column

from models.database import db
from models.statements import KEY, select_by_id


class Errand(db.Model):  # type: ignore[misc, name-defined]
    """One claimed errand; its row goes in the transaction that records what came of it."""

    __tablename__ = "errands"

    #: What receivers recognise a repetition by.
    id: Mapped[str] = mapped_column(sa.String(64), primary_key=True)
    #: Empty for those of the scheduler.
    job: Mapped[str] = mapped_column(sa.String(64), index=True)
    #: The action type that it is done as.
    type: Mapped[str] = mapped_column(sa.String(255))
    #: What caused it.
    condition: Mapped[str] = mapped_column(sa.Text)
    #: Where in the job's list the action or limit stands, as long as nobody changes that list.
    place: Mapped[int] = mapped_column(sa.Integer)
    #: The action or limit as it was claimed: JSON.
    doc: Mapped[str] = mapped_column(sa.Text)

    @classmethod
    def insert(cls, connection: sa.Connection, rows: Sequence[dict[str, Any]]) -> None:
        """Claim errands."""
        if rows:
            connection.execute(_INSERT, rows)

    @classmethod
    def get(cls, connection: sa.Connection, errand_id: str) -> "sa.Row[Any] | None":
        """One errand; nothing when its outcome is recorded."""
        return connection.execute(_BY_ID, {KEY: errand_id}).first()

    @classmethod
    def delete(cls, connection: sa.Connection, errand_id: str) -> None:
        """Forget an errand."""
        connection.execute(_DELETE, {KEY: errand_id})

    @classmethod
    def any_of(cls, connection: sa.Connection, job_id: str) -> bool:
        """Whether a job has errands whose outcome is not there yet."""
        return connection.scalar(_OF_JOB, {"of": job_id}) is not None

    @classmethod
    def known(cls, connection: sa.Connection, ids: Collection[str]) -> set[str]:
        """Which of these are errands whose outcome is not there yet."""
        return set(connection.scalars(sa.select(TABLE.c.id).where(TABLE.c.id.in_(ids))))

    @classmethod
    def all(cls, connection: sa.Connection) -> Sequence["sa.Row[Any]"]:
        """All errands, the oldest first."""
        return connection.execute(sa.select(TABLE).order_by(TABLE.c.id)).all()


TABLE = cast(sa.Table, Errand.__table__)
_INSERT = sa.insert(TABLE)
_BY_ID = select_by_id(TABLE, ())
_DELETE = sa.delete(TABLE).where(TABLE.c.id == sa.bindparam(KEY))
_OF_JOB = sa.select(TABLE.c.id).where(TABLE.c.job == sa.bindparam("of")).limit(1)
