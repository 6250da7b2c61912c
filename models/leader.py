"""Leadership of the engines: one row with the holder, its epoch and its end."""

from typing import Any

import sqlalchemy as sa
from sqlalchemy.ext.compiler import compiles
from sqlalchemy.orm import Mapped, mapped_column

from models.database import db


class _DatabaseNow(sa.sql.functions.GenericFunction[float]):
    """Unix seconds by the database's clock."""

    type = sa.Float(53)
    inherit_cache = True


@compiles(_DatabaseNow, "sqlite")
def _sqlite_now(*_: Any, **__: Any) -> str:
    return "((julianday('now') - 2440587.5) * 86400.0)"


@compiles(_DatabaseNow, "postgresql")
def _postgresql_now(*_: Any, **__: Any) -> str:
    # The time of the transaction's start would be older than a wait for the row.
    return "CAST(extract(epoch FROM clock_timestamp()) AS double precision)"


_DATABASE_NOW = _DatabaseNow()


class Leader(db.Model):  # type: ignore[misc, name-defined]
    """The one row that says which engine leads; every new holder gets a higher epoch."""

    __tablename__ = "leader"

    id: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    holder: Mapped[str] = mapped_column(sa.String(255))
    epoch: Mapped[int] = mapped_column(sa.BigInteger)
    expires: Mapped[float] = mapped_column(sa.Float(53))

    @classmethod
    def current(cls, connection: sa.Connection) -> tuple[str, int, bool] | None:
        """Holder, epoch and whether the lease still runs; nothing before the first engine."""
        row = connection.execute(
            sa.select(cls.holder, cls.epoch, cls.expires > _DATABASE_NOW)
        ).first()
        return None if row is None else (row[0], row[1], bool(row[2]))

    @classmethod
    def take(cls, connection: sa.Connection, holder: str, lease_seconds: float) -> int:
        """Become the leader, whoever was; returns the new epoch."""
        before = cls.current(connection)
        if before is None:
            values = {"id": 1, "holder": holder, "epoch": 0, "expires": 0.0}
            connection.execute(sa.insert(cls).values(values))
        epoch = 1 if before is None else before[1] + 1
        expires = _DATABASE_NOW + lease_seconds
        connection.execute(sa.update(cls).values(holder=holder, epoch=epoch, expires=expires))
        return epoch

    @classmethod
    def renew(cls, connection: sa.Connection, epoch: int, lease_seconds: float) -> bool:
        """Extend the lease of `epoch`; false when somebody else leads."""
        query = sa.update(cls).where(cls.epoch == epoch)
        expires = _DATABASE_NOW + lease_seconds
        return connection.execute(query.values(expires=expires)).rowcount > 0

    @classmethod
    def epoch_is(cls, connection: sa.Connection, epoch: int) -> bool:
        """Whether `epoch` is still the highest."""
        return connection.scalar(_EPOCH) == epoch

    @classmethod
    def release(cls, connection: sa.Connection, epoch: int) -> None:
        """End the lease of `epoch` now, so that the next engine need not wait."""
        connection.execute(sa.update(cls).where(cls.epoch == epoch).values(expires=0.0))


_EPOCH = sa.select(Leader.epoch)
