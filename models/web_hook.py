"""Web hooks: requests that actions send to other services."""

from models.database import db
from models.document import DocumentTable


class WebHook(DocumentTable, db.Model):  # type: ignore[misc, name-defined]
    """One web hook's document."""

    __tablename__ = "web_hooks"
