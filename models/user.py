"""Users: people who log in with a password, of which only a hash is kept."""

import sqlalchemy as sa
from sqlalchemy.orm import Mapped, mapped_column

from core import json
from models.database import db
from models.document import Document, DocumentTable
from models.statements import insert_new


class User(DocumentTable, db.Model):  # type: ignore[misc, name-defined]
    """One user's document, found by the user name, which is its id."""

    __tablename__ = "users"

    #: The hash with its method and salt; never part of the document.
    password: Mapped[str] = mapped_column(sa.Text)

    @classmethod
    def add(cls, connection: sa.Connection, document: Document, password: str) -> bool:
        """Store a new user; false when the name is taken."""
        values = {"id": document["username"], "doc": json.dumps(document), "password": password}
        return insert_new(connection, cls.__table__, values)

    @classmethod
    def revise(
        cls, connection: sa.Connection, document: Document, password: str | None = None
    ) -> None:
        """Store a changed document, and with `password` another hash."""
        values = {"doc": json.dumps(document)} | ({"password": password} if password else {})
        user = cls.id == document["username"]
        connection.execute(sa.update(cls).where(user).values(values))

    @classmethod
    def password_of(cls, connection: sa.Connection, username: str) -> str | None:
        """The hash of a user's password."""
        return connection.scalar(sa.select(cls.password).where(cls.id == username))
