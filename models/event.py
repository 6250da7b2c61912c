"""Events: what can be run."""

from typing import Any

import sqlalchemy as sa
from sqlalchemy.orm import Mapped, mapped_column

from core import json
from models.database import db
from models.document import Document, DocumentTable
from models.magic_link import MagicLink
from models.schedule import Schedule


class Event(DocumentTable, db.Model):  # type: ignore[misc, name-defined]
    """One event's document; what runs and checks look for, title and category, are columns."""

    __tablename__ = "events"

    title: Mapped[str] = mapped_column(sa.Text, index=True)
    category: Mapped[str] = mapped_column(sa.String(255), index=True)

    @classmethod
    def columns_of(cls, _document: Document) -> dict[str, Any]:
        """Title and category as columns."""
        return {"title": _document["title"], "category": _document["category"]}

    @classmethod
    def insert(cls, connection: sa.Connection, document: Document) -> bool:
        """Add an event, its magic links and its schedule; false when its id is taken."""
        is_new = super().insert(connection, document)
        if is_new:
            MagicLink.follow(connection, document)
            Schedule.touch(connection, document["id"])
        return is_new

    @classmethod
    def replace(cls, connection: sa.Connection, document: Document) -> None:
        """Store an event in place of the one with its id, and its magic links."""
        super().replace(connection, document)
        MagicLink.follow(connection, document)
        Schedule.touch(connection, document["id"])

    @classmethod
    def delete(cls, connection: sa.Connection, key: str) -> bool:
        """Remove an event and its magic links; false when there is none."""
        MagicLink.drop(connection, key)
        Schedule.drop(connection, key)
        return super().delete(connection, key)

    @classmethod
    def any_in_category(cls, connection: sa.Connection, category: str) -> bool:
        """Whether there is an event in this category."""
        query = sa.select(cls.seq).where(cls.category == category).limit(1)
        return connection.scalar(query) is not None

    @classmethod
    def mentioning(cls, connection: sa.Connection, word: str) -> list[Document]:
        """The events in whose documents this text, in quotes, stands anywhere; oldest first."""
        query = sa.select(cls.doc).where(cls.doc.contains(f'"{word}"', autoescape=True))
        return [json.loads(text) for text in connection.scalars(query.order_by(cls.seq))]

    @classmethod
    def by_title(cls, connection: sa.Connection, title: str) -> Document | None:
        """The oldest event with exactly this title."""
        query = sa.select(cls.doc).where(cls.title == title).order_by(cls.seq).limit(1)
        text = connection.scalar(query)
        return None if text is None else json.loads(text)
