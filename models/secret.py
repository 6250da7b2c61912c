"""Secrets: what is known of them in one table, their sealed values in another."""

import sqlalchemy as sa
from sqlalchemy.orm import Mapped, mapped_column

from models.database import db
from models.document import DocumentTable


class Secret(DocumentTable, db.Model):  # type: ignore[misc, name-defined]
    """One secret's document: its title, the names of its values, who gets them; no values."""

    __tablename__ = "secrets"


class SealedValues(db.Model):  # type: ignore[misc, name-defined]
    """The values of one secret, sealed."""

    __tablename__ = "sealed_values"

    secret: Mapped[str] = mapped_column(sa.String(255), primary_key=True)
    sealed: Mapped[bytes] = mapped_column(sa.LargeBinary)

    @classmethod
    def get(cls, connection: sa.Connection, secret: str) -> bytes | None:
        """What is sealed for this secret."""
        found: bytes | None = connection.scalar(sa.select(cls.sealed).where(cls.secret == secret))
        return found

    @classmethod
    def put(cls, connection: sa.Connection, secret: str, sealed: bytes) -> None:
        """Keep these values in place of those before."""
        cls.remove(connection, secret)
        connection.execute(sa.insert(cls).values(secret=secret, sealed=sealed))

    @classmethod
    def remove(cls, connection: sa.Connection, secret: str) -> None:
        """Forget the values of this secret."""
        connection.execute(sa.delete(cls).where(cls.secret == secret))
