"""The transaction log: who changed what, when, and from where."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import sqlalchemy as sa
from sqlalchemy.orm import Mapped, aliased, mapped_column

from core import json
from models.database import db
from models.document import Document
from models.statements import delete_some

#: The number of a record: SQLite only counts in columns of exactly this type.
_SEQ = sa.BigInteger().with_variant(sa.Integer(), "sqlite")


@dataclass(frozen=True, slots=True)
class Search:
    """Which records are wanted; what is not named may be anything."""

    actions: Sequence[str] = ()
    usernames: Sequence[str] = ()
    #: All of these, each as a whole.
    keywords: Sequence[str] = ()
    #: Unix seconds, inclusive.
    since: float | None = None
    until: float | None = None


class Transaction(db.Model):  # type: ignore[misc, name-defined]
    """One change by a caller; the document is what the API shows of it."""

    __tablename__ = "transactions"
    __table_args__ = (
        sa.Index("ix_transactions_action", "action", "seq"),
        sa.Index("ix_transactions_username", "username", "seq"),
        sa.Index("ix_transactions_epoch", "epoch"),
    )

    seq: Mapped[int] = mapped_column(_SEQ, primary_key=True, autoincrement=True)
    id: Mapped[str] = mapped_column(sa.String(64), unique=True)
    action: Mapped[str] = mapped_column(sa.String(64))
    epoch: Mapped[float] = mapped_column(sa.Float(53))
    username: Mapped[str] = mapped_column(sa.String(255))
    doc: Mapped[str] = mapped_column(sa.Text)

    @classmethod
    def add(cls, connection: sa.Connection, document: Document) -> None:
        """Append a record, found by its `keywords` from then on."""
        names = ("id", "action", "epoch", "username")
        values = {name: document[name] for name in names} | {"doc": json.dumps(document)}
        seq = connection.scalar(sa.insert(cls).values(values).returning(cls.seq))
        words = dict.fromkeys(document["keywords"])
        rows = [{"keyword": word, "seq": seq} for word in words]
        connection.execute(sa.insert(Keyword), rows)

    @classmethod
    def search(
        cls,
        connection: sa.Connection,
        wanted: Search,
        offset: int,
        limit: int,
        *,
        newest_first: bool = True,
    ) -> tuple[list[int], int]:
        """The numbers of one page's records in order of time, and how many there are in all."""
        query = _query(wanted)
        count = connection.scalar(sa.select(sa.func.count()).select_from(query.subquery()))
        seq = query.selected_columns.seq
        order = seq.desc() if newest_first else seq.asc()
        page = connection.scalars(query.order_by(order).offset(offset).limit(limit))
        return list(page), count or 0

    @classmethod
    def span(cls, connection: sa.Connection) -> int:
        """How many records there are at most: those between the oldest and the newest."""
        ends = sa.select(sa.func.min(cls.seq)), sa.select(sa.func.max(cls.seq))
        oldest, newest = (connection.scalar(end) or 0 for end in ends)
        return newest - oldest + 1

    @classmethod
    def trim(cls, connection: sa.Connection, most: int, limit: int) -> None:
        """Delete some of the oldest records of those that are more than `most`."""
        newest = connection.scalar(sa.select(sa.func.max(cls.seq))) or 0
        delete_some(connection, cls.seq, cls.seq <= newest - most, limit)

    @classmethod
    def load(cls, connection: sa.Connection, numbers: Sequence[int]) -> list[Document]:
        """The documents of these records, in this order."""
        query = sa.select(cls.seq, cls.doc).where(cls.seq.in_(numbers))
        texts = {row.seq: row.doc for row in connection.execute(query)}
        return [json.loads(texts[number]) for number in numbers if number in texts]


class Keyword(db.Model):  # type: ignore[misc, name-defined]
    """One word that finds a record: an id, a caller, an address."""

    __tablename__ = "transaction_keywords"
    __table_args__ = (sa.Index("ix_transaction_keywords_seq", "seq"),)

    keyword: Mapped[str] = mapped_column(sa.String(255), primary_key=True)
    seq: Mapped[int] = mapped_column(
        _SEQ, sa.ForeignKey("transactions.seq", ondelete="CASCADE"), primary_key=True
    )


def _query(wanted: Search) -> sa.Select[Any]:
    """The numbers of the wanted records.

    What keywords find is few, so their index comes first: databases that are left to choose take
    the one of actions, and read half of the log.
    """
    conditions = _conditions(wanted)
    if not wanted.keywords:
        return sa.select(Transaction.seq).where(*conditions)
    first, *others = wanted.keywords
    for word in others:
        other = aliased(Keyword)
        conditions.append(sa.exists().where(other.keyword == word, other.seq == Keyword.seq))
    query = sa.select(Keyword.seq).where(Keyword.keyword == first, *conditions)
    return query.join(Transaction, Transaction.seq == Keyword.seq)


def _conditions(wanted: Search) -> list[sa.ColumnElement[bool]]:
    found: list[sa.ColumnElement[bool]] = []
    if wanted.actions:
        found.append(Transaction.action.in_(wanted.actions))
    if wanted.usernames:
        found.append(Transaction.username.in_(wanted.usernames))
    if wanted.since is not None:
        found.append(Transaction.epoch >= wanted.since)
    if wanted.until is not None:
        found.append(Transaction.epoch <= wanted.until)
    return found
