"""Channels: who is told, and how, under one name."""

from models.database import db
from models.document import DocumentTable


class Channel(DocumentTable, db.Model):  # type: ignore[misc, name-defined]
    """One notification channel's document."""

    __tablename__ = "channels"
