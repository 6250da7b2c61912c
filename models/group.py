"""Groups: named sets of servers that events can target."""

from models.database import db
from models.document import DocumentTable


class Group(DocumentTable, db.Model):  # type: ignore[misc, name-defined]
    """One server group's document."""

    __tablename__ = "groups"
