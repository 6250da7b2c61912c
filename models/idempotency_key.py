"""Idempotency keys: which run was accepted for which key, for as long as that is remembered."""

from typing import Any, cast

import sqlalchemy as sa
from sqlalchemy.orm import Mapped, mapped_column

from models.database import db
from models.statements import INSERTS, delete_some


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
        return connection.execute(_FIND, {"of_digest": digest, "since": since}).first()

    @classmethod
    def take(cls, connection: sa.Connection, since: float, **values: Any) -> bool:
        """Note that a key is used now; false when it has been used since then.

        Of several who try at the same time one gets it: the others wait for its commit.
        """
        statement = _TAKE[connection.dialect.name]
        return connection.execute(statement, {**values, "since": since}).first() is not None

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
_FIND = sa.select(TABLE.c.request, TABLE.c.job).where(
    TABLE.c.digest == sa.bindparam("of_digest"), TABLE.c.created >= sa.bindparam("since")
)


def _take(insert: Any) -> Any:
    statement = insert(TABLE)
    return statement.on_conflict_do_update(
        index_elements=["digest"],
        set_={name: statement.excluded[name] for name in ("request", "job", "created")},
        where=TABLE.c.created < sa.bindparam("since"),
    ).returning(TABLE.c.digest)


_TAKE = {dialect: _take(insert) for dialect, insert in INSERTS.items()}
