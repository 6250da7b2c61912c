"""Texts: what a search for words finds in titles, descriptions and logs of finished jobs.

Each job has two texts: what its record says of it, and the beginning of its log. SQLite keeps
their words compressed and indexes them in the FTS5 table `job_words`, which has no content of its
own: to take something out of it, the very words that went in must be given. PostgreSQL keeps and
indexes them as `tsvector`, made here, so that both databases know the same words.
"""

import zlib
from collections import defaultdict
from collections.abc import Mapping, Sequence
from enum import IntEnum
from typing import Any

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import TSVECTOR
from sqlalchemy.orm import Mapped, mapped_column

from core.words import words_of
from models.database import db

#: How much of a log is searched, bytes.
LOG_BYTES = 64 * 1024
#: The most words of one text; PostgreSQL counts places no further.
_MOST_WORDS = 16_000
#: As often can PostgreSQL note one word.
_MOST_PLACES = 255


class Part(IntEnum):
    """Which of a job's texts it is."""

    RECORD = 0
    LOG = 1


class JobText(db.Model):  # type: ignore[misc, name-defined]
    """The words of one text."""

    __tablename__ = "job_texts"

    seq: Mapped[int] = mapped_column(sa.BigInteger, primary_key=True, autoincrement=False)
    part: Mapped[int] = mapped_column(sa.SmallInteger, primary_key=True, autoincrement=False)
    words: Mapped[Any] = mapped_column(sa.LargeBinary().with_variant(TSVECTOR(), "postgresql"))


def record_words(record: Mapping[str, Any]) -> list[str]:
    """The words of a record's title, label and description."""
    values = [record.get(key) for key in ("event_title", "label", "description")]
    return words_of("\n".join(value for value in values if isinstance(value, str)))[:_MOST_WORDS]


def log_words(log: bytes) -> list[str]:
    """The words of the beginning of a log."""
    return words_of(log[:LOG_BYTES].decode("utf-8", "replace"))[:_MOST_WORDS]


def put(connection: sa.Connection, seq: int, part: Part, words: Sequence[str]) -> None:
    """Index a text that was not indexed yet."""
    if not words:
        return
    if connection.dialect.name == "postgresql":
        stored: Any = _vector(words)
    else:
        text = " ".join(words)
        connection.execute(_FTS_INSERT, {"place": _place(seq, part), "words": text})
        stored = zlib.compress(text.encode("utf-8", "replace"))
    values = {"seq": seq, "part": int(part), "words": stored}
    connection.execute(_INSERTS[connection.dialect.name], values)


def remove(connection: sa.Connection, seq: int, *parts: Part) -> None:
    """Take texts of a job out of the index."""
    these = sa.and_(TEXTS.c.seq == seq, TEXTS.c.part.in_([int(part) for part in parts]))
    if connection.dialect.name == "sqlite":
        for row in connection.execute(sa.select(TEXTS).where(these)).all():
            text = zlib.decompress(row.words).decode()
            connection.execute(_FTS_DELETE, {"place": _place(row.seq, row.part), "words": text})
    connection.execute(sa.delete(TEXTS).where(these))


def having(dialect: str, words: Sequence[str]) -> sa.Select[Any]:
    """Select the numbers of the jobs that have these words next to each other."""
    if dialect == "postgresql":
        phrase = " <-> ".join(f"'{word}'" for word in words)
        matches = sa.text("job_texts.words @@ CAST(:phrase AS tsquery)").bindparams(
            sa.bindparam("phrase", phrase, unique=True)
        )
        return sa.select(TEXTS.c.seq).where(matches)
    phrase = f'"{" ".join(words)}"'
    return (
        sa.select(sa.literal_column("rowid / 2").label("seq"))
        .select_from(sa.table("job_words"))
        .where(
            sa.text("job_words MATCH :phrase").bindparams(
                sa.bindparam("phrase", phrase, unique=True)
            )
        )
    )


def _place(seq: int, part: int) -> int:
    """The row of a text in the table `job_words`."""
    return seq * len(Part) + part


def _vector(words: Sequence[str]) -> str:
    """A `tsvector` as text; words have no quotes in them."""
    places: dict[str, list[str]] = defaultdict(list)
    for place, word in enumerate(words, 1):
        if len(places[word]) < _MOST_PLACES:
            places[word].append(str(place))
    return " ".join(f"'{word}':{','.join(numbers)}" for word, numbers in places.items())


TEXTS: Any = JobText.__table__
_INSERTS: dict[str, Any] = {
    "sqlite": sa.insert(TEXTS),
    "postgresql": sa.text(
        "INSERT INTO job_texts (seq, part, words) VALUES (:seq, :part, CAST(:words AS tsvector))"
    ),
}
_FTS_INSERT = sa.text("INSERT INTO job_words (rowid, words) VALUES (:place, :words)")
_FTS_DELETE = sa.text(
    "INSERT INTO job_words (job_words, rowid, words) VALUES ('delete', :place, :words)"
)
