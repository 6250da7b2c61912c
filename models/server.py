"""Servers: the hosts that run jobs."""

from models.database import db
from models.document import DocumentTable


class Server(DocumentTable, db.Model):  # type: ignore[misc, name-defined]
    """One host's document: its name, its groups, whether it takes jobs."""

    __tablename__ = "servers"
