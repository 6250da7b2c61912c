"""Roles: privileges and limits that keys and users share."""

from collections.abc import Sequence

import sqlalchemy as sa

from models.database import db
from models.document import DocumentTable


class Role(DocumentTable, db.Model):  # type: ignore[misc, name-defined]
    """One role's document."""

    __tablename__ = "roles"

    @classmethod
    def texts_of(cls, connection: sa.Connection, ids: Sequence[str]) -> tuple[str, ...]:
        """The documents of those roles that exist, as the JSON texts that are stored."""
        query = sa.select(cls.doc).where(cls.id.in_(ids)).order_by(cls.seq)
        return tuple(connection.scalars(query))
