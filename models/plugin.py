"""Plugins: the commands that events can run."""

from models.database import db
from models.document import DocumentTable


class Plugin(DocumentTable, db.Model):  # type: ignore[misc, name-defined]
    """One plugin's document: its command, its parameters, how it is killed."""

    __tablename__ = "plugins"
