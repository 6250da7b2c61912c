"""Sizes: how many bytes the finished jobs of each category take, in the database and as files.

They are kept up to date with every change of a finished job, so that nothing need be added up.
"""

from collections.abc import Mapping
from typing import Any, NamedTuple

import sqlalchemy as sa
from sqlalchemy.orm import Mapped, mapped_column

from models.database import db
from models.statements import INSERTS

#: Longer categories don't exist; who writes one into a record counts for none.
_MOST_CATEGORY_CHARS = 254


class Size(NamedTuple):
    """Bytes of documents and small logs in rows; bytes of large logs and output files on disk."""

    records: int
    files: int

    def __neg__(self) -> "Size":
        return Size(-self.records, -self.files)

    @property
    def total(self) -> int:
        """All bytes."""
        return self.records + self.files


NOTHING = Size(0, 0)


class JobSize(db.Model):  # type: ignore[misc, name-defined]
    """The size of all finished jobs of one category."""

    __tablename__ = "job_sizes"

    category: Mapped[str] = mapped_column(sa.String(255), primary_key=True)
    records: Mapped[int] = mapped_column(sa.BigInteger)
    files: Mapped[int] = mapped_column(sa.BigInteger)

    @classmethod
    def add(cls, connection: sa.Connection, record: Mapping[str, Any], size: Size) -> None:
        """Add to the size of the category that `record` names."""
        values = {"category": _category_of(record), **size._asdict()}
        connection.execute(_UPSERTS[connection.dialect.name], values)

    @classmethod
    def of(cls, connection: sa.Connection, category: str | None = None) -> Size:
        """The size of the jobs of one category, or of all jobs."""
        totals = (sa.func.sum(cls.records), sa.func.sum(cls.files))
        query = sa.select(*(sa.func.coalesce(total, 0) for total in totals))
        if category is not None:
            query = query.where(cls.category == category)
        return Size(*map(int, connection.execute(query).one()))


def size_of_row(row: Any) -> Size:
    """The size of a job by its row."""
    return Size(row.record_bytes, row.file_bytes)


def bytes_of(*parts: str | bytes | None) -> int:
    """The bytes of texts and others together."""
    return sum(len(part.encode() if isinstance(part, str) else part or b"") for part in parts)


def _category_of(record: Mapping[str, Any]) -> str:
    category = record.get("category")
    is_sound = isinstance(category, str) and len(category) <= _MOST_CATEGORY_CHARS
    return str(category) if is_sound and "\0" not in str(category) else ""


TABLE: Any = JobSize.__table__


def _upsert(insert: Any) -> Any:
    statement = insert(TABLE)
    sums = {name: TABLE.c[name] + statement.excluded[name] for name in Size._fields}
    return statement.on_conflict_do_update(index_elements=["category"], set_=sums)


_UPSERTS = {dialect: _upsert(insert) for dialect, insert in INSERTS.items()}
