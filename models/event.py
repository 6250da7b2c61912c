"""Events: what can be run."""

from typing import Any

import sqlalchemy as sa
from sqlalchemy.orm import Mapped, mapped_column

from core import json
from models.database import db
from models.document import Document, DocumentTable


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
    def by_title(cls, connection: sa.Connection, title: str) -> Document | None:
        """The oldest event with exactly this title."""
        query = sa.select(cls.doc).where(cls.title == title).order_by(cls.seq).limit(1)
        text = connection.scalar(query)
        return None if text is None else json.loads(text)
