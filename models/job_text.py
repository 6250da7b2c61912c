"""Texts: what a search for words finds in titles, descriptions and logs of finished jobs.

Each job has two texts: what its record says of it, and the beginning of its log. SQLite keeps
their words compressed, a row for each, and indexes them in the FTS5 table `job_words`, which has
no content of its own: to take something out of it, the very words that went in must be given.
PostgreSQL has one row per job, a `tsvector` of both that is made here, so that both databases
know the same words, and counting reads a row per job at most.
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
#: The most words of a log and of a record; PostgreSQL counts places up to 16,383.
_MOST_LOG_WORDS = 14_000
_MOST_RECORD_WORDS = 2_000
#: Stands between log and record, so that no phrase reaches from one into the other.
_GAP = "-"
#: As often can PostgreSQL note one word.
_MOST_PLACES = 255


class Part(IntEnum):
    """Which of a job's texts it is; PostgreSQL has both in one."""

    RECORD = 0
    LOG = 1
    BOTH = 2


class JobText(db.Model):  # type: ignore[misc, name-defined]
    """The words of one text."""

    __tablename__ = "job_texts"

    seq: Mapped[int] = mapped_column(sa.BigInteger, primary_key=True, autoincrement=False)
    part: Mapped[int] = mapped_column(sa.SmallInteger, primary_key=True, autoincrement=False)
    words: Mapped[Any] = mapped_column(sa.LargeBinary().with_variant(TSVECTOR(), "postgresql"))


def record_words(record: Mapping[str, Any]) -> list[str]:
    """The words of a record's title, label and description."""
    values = [record.get(key) for key in ("event_title", "label", "description")]
    return words_of("\n".join(value for value in values if isinstance(value, str)))[
        :_MOST_RECORD_WORDS
    ]


def log_words(log: bytes) -> list[str]:
    """The words of the beginning of a log."""
    return words_of(log[:LOG_BYTES].decode("utf-8", "replace"))[:_MOST_LOG_WORDS]


def add(connection: sa.Connection, seq: int, record: Sequence[str], log: Sequence[str]) -> None:
    """Index the texts of a job that was not indexed yet."""
    if connection.dialect.name == "sqlite":
        _add_part(connection, seq, Part.RECORD, record)
        _add_part(connection, seq, Part.LOG, log)
    elif record or log:
        vector = " ".join(filter(None, (_vector(log), _record_vector(record, after=len(log)))))
        connection.execute(_INSERT_VECTOR, {"seq": seq, "words": vector})


def replace_record(connection: sa.Connection, seq: int, record: Sequence[str]) -> None:
    """Index another record of a job in place of the one that it had."""
    if connection.dialect.name == "sqlite":
        _remove_parts(connection, seq, Part.RECORD)
        _add_part(connection, seq, Part.RECORD, record)
        return
    vector = _record_vector(record, after=0)
    if not connection.execute(_UPDATE_VECTOR, {"of_seq": seq, "record": vector}).rowcount:
        add(connection, seq, record, ())


def remove(connection: sa.Connection, seq: int) -> None:
    """Take a job's texts out of the index."""
    if connection.dialect.name == "sqlite":
        _remove_parts(connection, seq, Part.RECORD, Part.LOG)
    else:
        connection.execute(sa.delete(TEXTS).where(TEXTS.c.seq == seq))


def count(connection: sa.Connection, words: Sequence[str]) -> int:
    """How many jobs have these words next to each other."""
    found = having(connection.dialect.name, words).subquery()
    is_sqlite = connection.dialect.name == "sqlite"
    # On PostgreSQL there is one row per job, so that nothing has to be sorted out.
    what = sa.func.count(sa.distinct(found.c.seq)) if is_sqlite else sa.func.count()
    return connection.scalar(sa.select(what).select_from(found)) or 0


def _add_part(connection: sa.Connection, seq: int, part: Part, words: Sequence[str]) -> None:
    if words:
        text = " ".join(words)
        connection.execute(_FTS_INSERT, {"place": _place(seq, part), "words": text})
        stored = zlib.compress(text.encode("utf-8", "replace"))
        connection.execute(_INSERT, {"seq": seq, "part": int(part), "words": stored})


def _remove_parts(connection: sa.Connection, seq: int, *parts: Part) -> None:
    these = sa.and_(TEXTS.c.seq == seq, TEXTS.c.part.in_([int(part) for part in parts]))
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
    return seq * 2 + part


def _record_vector(record: Sequence[str], *, after: int) -> str:
    """The record's part of a vector; its weight tells it from the log, which lies before it."""
    return _vector([_GAP, *record], after=after, weight="A") if record else ""


def _vector(words: Sequence[str], *, after: int = 0, weight: str = "") -> str:
    """A `tsvector` as text; words have no quotes in them."""
    places: dict[str, list[str]] = defaultdict(list)
    for place, word in enumerate(words, after + 1):
        if len(places[word]) < _MOST_PLACES:
            places[word].append(f"{place}{weight}")
    return " ".join(f"'{word}':{','.join(numbers)}" for word, numbers in places.items())


TEXTS: Any = JobText.__table__
_INSERT = sa.insert(TEXTS)
_INSERT_VECTOR = sa.text(
    "INSERT INTO job_texts (seq, part, words) VALUES (:seq, 2, CAST(:words AS tsvector))"
)
_UPDATE_VECTOR = sa.text(
    "UPDATE job_texts SET words = ts_filter(words, '{d}') || CAST(:record AS tsvector)"
    " WHERE seq = :of_seq"
)
_FTS_INSERT = sa.text("INSERT INTO job_words (rowid, words) VALUES (:place, :words)")
_FTS_DELETE = sa.text(
    "INSERT INTO job_words (job_words, rowid, words) VALUES ('delete', :place, :words)"
)
