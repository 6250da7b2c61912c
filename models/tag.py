"""Tags: the words that events and jobs may carry."""

from models.database import db
from models.document import DocumentTable


class Tag(DocumentTable, db.Model):  # type: ignore[misc, name-defined]
    """One tag's document."""

    __tablename__ = "tags"
