"""API keys: who may call, with what privileges; only hashes of the keys are kept."""

import sqlalchemy as sa
from sqlalchemy.orm import Mapped, mapped_column

from core import json
from models.database import db
from models.document import Document, DocumentTable


class ApiKey(DocumentTable, db.Model):  # type: ignore[misc, name-defined]
    """One key's document, found by the digest of the plain key."""

    __tablename__ = "api_keys"

    digest: Mapped[str] = mapped_column(sa.String(64), unique=True)

    @classmethod
    def text_by_digest(cls, connection: sa.Connection, digest: str) -> str | None:
        """The document of the key with this digest, as the JSON text that is stored."""
        text: str | None = connection.scalar(_BY_DIGEST, {"digest": digest})
        return text

    @classmethod
    def add(cls, connection: sa.Connection, document: Document, digest: str) -> None:
        """Store a new key."""
        values = {"id": document["id"], "doc": json.dumps(document), "digest": digest}
        connection.execute(sa.insert(cls).values(values))

    @classmethod
    def set_digest(cls, connection: sa.Connection, key_id: str, digest: str) -> None:
        """Let another plain key open this record."""
        connection.execute(sa.update(cls).where(cls.id == key_id).values(digest=digest))


_BY_DIGEST = sa.select(ApiKey.doc).where(ApiKey.digest == sa.bindparam("digest"))
