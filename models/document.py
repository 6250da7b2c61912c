"""What the small tables have in common: an id, an order, and a document that the API shows."""

from collections.abc import Sequence
from typing import Any, ClassVar

import sqlalchemy as sa
from sqlalchemy.orm import Mapped, mapped_column

from core import json
from models.statements import KEY, insert_new, select_by_id

Document = dict[str, Any]


class DocumentTable:
    """Columns and queries of a table whose rows are documents, listed in order of creation."""

    __table__: ClassVar[sa.Table]

    seq: Mapped[int] = mapped_column(primary_key=True, autoincrement=True)
    id: Mapped[str] = mapped_column(sa.String(255), unique=True)
    doc: Mapped[str] = mapped_column(sa.Text)

    @classmethod
    def columns_of(cls, _document: Document) -> dict[str, Any]:
        """The columns that are kept beside the document; a table with some overrides this."""
        return {}

    @classmethod
    def get(cls, connection: sa.Connection, key: str) -> Document | None:
        """The document with this id."""
        text = connection.scalar(select_by_id(cls.__table__, ("doc",)), {KEY: key})
        return None if text is None else json.loads(text)

    @classmethod
    def for_change(cls, connection: sa.Connection, key: str) -> Document | None:
        """The document with this id, which nobody else changes until the transaction ends."""
        query = sa.select(cls.doc).where(cls.id == key).with_for_update()
        text = connection.scalar(query)
        return None if text is None else json.loads(text)

    @classmethod
    def all(cls, connection: sa.Connection) -> list[Document]:
        """All documents in order of creation."""
        texts = connection.scalars(sa.select(cls.doc).order_by(cls.seq))
        return [json.loads(text) for text in texts]

    @classmethod
    def texts(
        cls, connection: sa.Connection, *, after: int | None, limit: int, newest_first: bool = False
    ) -> Sequence[tuple[int, str]]:
        """Number and JSON text of the next documents after a number, by order of creation."""
        query = sa.select(cls.seq, cls.doc).limit(limit)
        query = query.order_by(cls.seq.desc() if newest_first else cls.seq)
        if after is not None:
            query = query.where(cls.seq < after if newest_first else cls.seq > after)
        return [(row.seq, row.doc) for row in connection.execute(query)]

    @classmethod
    def insert(cls, connection: sa.Connection, document: Document) -> bool:
        """Add a document; false when its id is taken."""
        values = {"id": document["id"], "doc": json.dumps(document)}
        return insert_new(connection, cls.__table__, values | cls.columns_of(document))

    @classmethod
    def replace(cls, connection: sa.Connection, document: Document) -> None:
        """Store `document` in place of the one with its id."""
        values = {"doc": json.dumps(document)} | cls.columns_of(document)
        connection.execute(sa.update(cls).where(cls.id == document["id"]).values(values))

    @classmethod
    def delete(cls, connection: sa.Connection, key: str) -> bool:
        """Remove the document; false when there is none."""
        return connection.execute(sa.delete(cls).where(cls.id == key)).rowcount > 0
