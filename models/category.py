"""Categories: how events are grouped, and what they inherit."""

from models.database import db
from models.document import DocumentTable


class Category(DocumentTable, db.Model):  # type: ignore[misc, name-defined]
    """One category's document."""

    __tablename__ = "categories"
