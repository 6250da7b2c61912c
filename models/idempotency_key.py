"""Idempotency keys: which run was accepted for which key, for as long as that is remembered."""

from typing import Any, cast

import sqlalchemy as sa
from sqlalchemy.orm import Mapped, mapped_column

from models.database import db
from models.statements import delete_some, insert_new


class IdempotencyKey(db.Model):  # type: ignore[misc, name-defined]
    """One key of one caller for one event; the key itself is not kept, only its digest."""

    __tablename__ = "idempotency_keys"

    digest: Mapped[str] = mapped_column(sa.String(64), primary_key=True)
    #: The digest of the whole request, to tell a repetition from another request.
    request: Mapped[str] = mapped_column(sa.String(64))
    job: Mapped[str] = mapped_column(sa.String(64))
    #: Unix seconds.
    created: Mapped[float] = mapped_column(sa.Float(53), index=True)

    @classmethod
    def find(
        cls, connection: sa.Connection, digest: str, since: float
    ) -> "sa.Row[str, str] | None":
        """`request` and `job` of a key that was used since then."""
        query = sa.select(cls.request, cls.job).where(cls.digest == digest, cls.created >= since)
        return connection.execute(query).first()

    @classmethod
    def take(cls, connection: sa.Connection, since: float, **values: Any) -> bool:
        """Note that a key is used now; false when it has been used since then.

        Of several who try at the same time one gets it: the others wait for its commit.
        """
        is_own = sa.and_(cls.digest == values["digest"], cls.created < since)
        connection.execute(sa.delete(cls).where(is_own))
        return insert_new(connection, TABLE, values)

    @classmethod
    def any_before(cls, connection: sa.Connection, before: float) -> bool:
        """Whether there are keys that were used before then."""
        query = sa.select(cls.created).where(cls.created < before).limit(1)
        return connection.scalar(query) is not None

    @classmethod
    def forget(cls, connection: sa.Connection, before: float, limit: int) -> int:
        """Delete some of the keys that were used before then; returns how many."""
        return delete_some(connection, cls.digest, cls.created < before, limit)


TABLE = cast(sa.Table, IdempotencyKey.__table__)
