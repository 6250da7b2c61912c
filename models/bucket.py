"""Buckets: what is known of them in one table, their data and lists of files in another."""

from typing import Any

import sqlalchemy as sa
from sqlalchemy.orm import Mapped, mapped_column

from core import json
from models.database import db
from models.document import DocumentTable
from models.statements import insert_new


class Bucket(DocumentTable, db.Model):  # type: ignore[misc, name-defined]
    """One bucket's document; what is in it is not part of it."""

    __tablename__ = "buckets"


class BucketContents(db.Model):  # type: ignore[misc, name-defined]
    """What is in one bucket: an object, and a list of records of stored files."""

    __tablename__ = "bucket_contents"

    bucket: Mapped[str] = mapped_column(sa.String(255), primary_key=True)
    data: Mapped[str] = mapped_column(sa.Text)
    files: Mapped[str] = mapped_column(sa.Text)

    @classmethod
    def add(cls, connection: sa.Connection, bucket: str) -> None:
        """A new bucket is empty."""
        values = {"bucket": bucket, "data": "{}", "files": "[]"}
        insert_new(connection, cls.__table__, values)

    @classmethod
    def get(cls, connection: sa.Connection, bucket: str) -> tuple[Any, Any]:
        """Its data and its files."""
        query = sa.select(cls.data, cls.files).where(cls.bucket == bucket)
        row = connection.execute(query).one()
        return json.loads(row.data), json.loads(row.files)

    @classmethod
    def put(cls, connection: sa.Connection, bucket: str, **parts: Any) -> None:
        """Keep `data` or `files` in place of those before."""
        values = {name: json.dumps(value) for name, value in parts.items()}
        connection.execute(sa.update(cls).where(cls.bucket == bucket).values(values))

    @classmethod
    def remove(cls, connection: sa.Connection, bucket: str) -> None:
        """Forget what was in it."""
        connection.execute(sa.delete(cls).where(cls.bucket == bucket))
