"""Stored files: what callers uploaded, and what was sent for a live job; outputs have no rows."""

from collections.abc import Collection, Sequence
from typing import Any, cast

import sqlalchemy as sa
from sqlalchemy.orm import Mapped, mapped_column

from models.database import db

#: Names the lock under which quotas are counted, among the database's advisory locks.
_QUOTA_LOCK = 0x53776669


class StoredFile(db.Model):  # type: ignore[misc, name-defined]
    """One file in the instance's folder, named by its key."""

    __tablename__ = "files"

    seq: Mapped[int] = mapped_column(primary_key=True, autoincrement=True)
    path: Mapped[str] = mapped_column(sa.String(512), unique=True)
    #: Whose quota it counts for: the caller's id; empty for what belongs to a job.
    owner: Mapped[str] = mapped_column(sa.String(255), index=True)
    size: Mapped[int] = mapped_column(sa.BigInteger)
    #: When it may be deleted, Unix seconds.
    expires: Mapped[float | None] = mapped_column(sa.Float(53), index=True)
    #: The live job that it was sent for.
    job: Mapped[str | None] = mapped_column(sa.String(64), index=True)
    #: Its record, as lists of files show it.
    doc: Mapped[str] = mapped_column(sa.Text)

    @classmethod
    def insert(cls, connection: sa.Connection, **values: Any) -> None:
        """Add a file."""
        connection.execute(sa.insert(TABLE).values(values))

    @classmethod
    def lock_totals(cls, connection: sa.Connection) -> None:
        """Let nobody else add up sizes meanwhile; SQLite has one writer anyway."""
        if connection.dialect.name == "postgresql":
            connection.execute(sa.select(sa.func.pg_advisory_xact_lock(_QUOTA_LOCK)))

    @classmethod
    def bytes_of(cls, connection: sa.Connection, owner: str | None = None) -> int:
        """The bytes of one caller's uploads, or of all callers'."""
        is_counted = cls.owner != "" if owner is None else cls.owner == owner
        query = sa.select(sa.func.coalesce(sa.func.sum(cls.size), 0)).where(is_counted)
        return int(connection.scalar(query) or 0)

    @classmethod
    def hold(cls, connection: sa.Connection, paths: Collection[str]) -> dict[str, int]:
        """The numbers of those of these files that exist; they can't be deleted meanwhile."""
        query = sa.select(cls.path, cls.seq).where(cls.path.in_(paths)).order_by(cls.seq)
        rows = connection.execute(query.with_for_update(read=True, key_share=True))
        return {row.path: row.seq for row in rows}

    @classmethod
    def known(cls, connection: sa.Connection, paths: Collection[str]) -> set[str]:
        """Those of these paths that have a row."""
        return set(connection.scalars(sa.select(cls.path).where(cls.path.in_(paths))))

    @classmethod
    def any_expired(cls, connection: sa.Connection, now: float) -> bool:
        """Whether the time of some files is over."""
        query = sa.select(cls.seq).where(cls.expires <= now).limit(1)
        return connection.scalar(query) is not None

    @classmethod
    def expired(cls, connection: sa.Connection, now: float, limit: int) -> dict[int, str]:
        """Files whose time is over, but for those that somebody takes up right now."""
        query = sa.select(cls.seq, cls.path).where(cls.expires <= now).order_by(cls.expires)
        rows = connection.execute(query.limit(limit).with_for_update(skip_locked=True))
        return {row.seq: row.path for row in rows}

    @classmethod
    def keep(cls, connection: sa.Connection, paths: Collection[str]) -> None:
        """Let files stay until they are released."""
        connection.execute(sa.update(cls).where(cls.path.in_(paths)).values(expires=None))

    @classmethod
    def release(cls, connection: sa.Connection, paths: Collection[str], expires: float) -> None:
        """Let files go at this time, or when no live job needs them any more."""
        connection.execute(sa.update(cls).where(cls.path.in_(paths)).values(expires=expires))

    @classmethod
    def postpone(cls, connection: sa.Connection, seqs: Collection[int], expires: float) -> None:
        """Keep files until later."""
        connection.execute(sa.update(cls).where(cls.seq.in_(seqs)).values(expires=expires))

    @classmethod
    def sent_for(cls, connection: sa.Connection, job_id: str) -> Sequence[str]:
        """The records, as JSON texts, of the files that were sent for a job, oldest first."""
        return connection.scalars(_SENT, {"of": job_id}).all()

    @classmethod
    def delete(cls, connection: sa.Connection, seqs: Collection[int]) -> None:
        """Forget files."""
        connection.execute(sa.delete(cls).where(cls.seq.in_(seqs)))

    @classmethod
    def delete_paths(cls, connection: sa.Connection, paths: Collection[str]) -> None:
        """Forget files by their paths."""
        connection.execute(sa.delete(cls).where(cls.path.in_(paths)))

    @classmethod
    def forget_sent(cls, connection: sa.Connection, job_id: str) -> None:
        """Forget what was sent for a job: from now on its record names its files."""
        connection.execute(sa.delete(cls).where(cls.job == job_id))


TABLE = cast(sa.Table, StoredFile.__table__)
_SENT = sa.select(TABLE.c.doc).where(TABLE.c.job == sa.bindparam("of")).order_by(TABLE.c.seq)
