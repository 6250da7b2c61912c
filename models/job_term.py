"""Terms: which words the indexed keys of finished jobs have, and how many jobs have each.

Counts are kept with the terms, so that the size of a result that one term describes need not be
counted.
"""

from collections import Counter
from collections.abc import Collection, Mapping
from enum import IntEnum
from typing import Any

import sqlalchemy as sa
from sqlalchemy.orm import Mapped, mapped_column

from core.words import phrase_of, phrases_of, words_of
from models.database import db
from models.statements import INSERTS

#: The most values of one key that are indexed.
_MOST_VALUES = 1000
#: Marks a term that is a whole value, letter by letter: limits of access are compared by it.
WHOLE = "="
#: The longest value that is also kept whole, characters.
_MOST_WHOLE_CHARS = 254
#: Any number that nothing else locks by.
_LOCK = 0x53594A54


class Field(IntEnum):
    """The keys of jobs that have terms, as the index numbers them."""

    #: One term that every job has: what counts all of them.
    EVERY = 0
    CODE = 1
    SOURCE = 2
    EVENT = 3
    CATEGORY = 4
    PLUGIN = 5
    SERVER = 6
    TAGS = 7
    GROUPS = 8
    TICKETS = 9
    WORKFLOW = 10


#: Keys that have one value, which is one term: so counts of several can be added up.
SINGLE = frozenset(
    {Field.CODE, Field.SOURCE, Field.EVENT, Field.CATEGORY, Field.PLUGIN, Field.SERVER}
)
Term = tuple[Field, str]


class JobTerm(db.Model):  # type: ignore[misc, name-defined]
    """One word of one finished job."""

    __tablename__ = "job_terms"
    __table_args__ = (
        sa.Index("ix_job_terms_completed", "field", "word", "completed", "seq"),
        {"sqlite_with_rowid": False},
    )

    field: Mapped[int] = mapped_column(sa.SmallInteger, primary_key=True, autoincrement=False)
    word: Mapped[str] = mapped_column(sa.Text, primary_key=True)
    seq: Mapped[int] = mapped_column(sa.BigInteger, primary_key=True, autoincrement=False)
    completed: Mapped[float] = mapped_column(sa.Float(53))


class JobCount(db.Model):  # type: ignore[misc, name-defined]
    """How many jobs have a word."""

    __tablename__ = "job_counts"
    __table_args__ = ({"sqlite_with_rowid": False},)

    field: Mapped[int] = mapped_column(sa.SmallInteger, primary_key=True, autoincrement=False)
    word: Mapped[str] = mapped_column(sa.Text, primary_key=True)
    jobs: Mapped[int] = mapped_column(sa.BigInteger)

    @classmethod
    def of(cls, connection: sa.Connection, field: Field, words: Collection[str]) -> dict[str, int]:
        """The counts of these words of a field; words that no job has are missing."""
        query = sa.select(cls.word, cls.jobs).where(cls.field == field, cls.word.in_(words))
        return {row.word: row.jobs for row in connection.execute(query)}


def terms_of(record: Mapping[str, Any]) -> set[Term]:
    """The terms of a finished job."""
    workflow = record.get("workflow")
    values: dict[Field, Any] = {
        Field.CODE: record.get("code") or 0,
        Field.WORKFLOW: workflow.get("event") if isinstance(workflow, Mapping) else None,
    }
    for field in set(Field) - {Field.EVERY, Field.CODE, Field.WORKFLOW}:
        values[field] = record.get(field.name.lower())
    terms: set[Term] = {(Field.EVERY, "")}
    for field, value in values.items():
        for text in _texts(value):
            phrases = {phrase_of(words_of(text))} - {""} if field in SINGLE else phrases_of(text)
            terms |= {(field, phrase) for phrase in phrases}
            if field in (Field.CATEGORY, Field.GROUPS) and len(text) <= _MOST_WHOLE_CHARS:
                terms.add((field, WHOLE + text))
    # PostgreSQL takes no NUL in texts, and no search can ask for one.
    return {(field, word) for field, word in terms if "\0" not in word}


def _texts(value: Any) -> list[str]:
    values = value[:_MOST_VALUES] if isinstance(value, list) else [value]
    return [str(item) for item in values if isinstance(item, (str, int, float))]


def change(
    connection: sa.Connection,
    seq: int,
    completed: float,
    *,
    before: set[Term],
    after: set[Term],
) -> None:
    """Let a job have the terms `after` instead of `before`."""
    lost, gained = before - after, after - before
    if gained:
        rows = [
            {"field": field, "word": word, "seq": seq, "completed": completed}
            for field, word in sorted(gained)
        ]
        connection.execute(_INSERT, rows)
    if lost:
        keys = [{"f": field, "w": word, "s": seq} for field, word in sorted(lost)]
        connection.execute(_DELETE, keys)
    add_counts(connection, Counter(dict.fromkeys(gained, 1) | dict.fromkeys(lost, -1)))


def add_counts(connection: sa.Connection, changes: Mapping[Term, int]) -> None:
    """Add to the counts of terms."""
    if not changes:
        return
    if connection.dialect.name == "postgresql":
        # One writer of counts at a time, or two that count the same words could wait for
        # each other.
        connection.execute(sa.select(sa.func.pg_advisory_xact_lock(_LOCK)))
    upsert = _UPSERTS[connection.dialect.name]
    rows = [
        {"field": field, "word": word, "jobs": count}
        for (field, word), count in sorted(changes.items())
    ]
    connection.execute(upsert, rows)
    fewer = [{"f": field, "w": word} for (field, word), count in changes.items() if count < 0]
    if fewer:
        connection.execute(_DROP_EMPTY, fewer)


TERMS: Any = JobTerm.__table__
COUNTS: Any = JobCount.__table__
_INSERT = sa.insert(TERMS)
_DELETE = sa.delete(TERMS).where(
    TERMS.c.field == sa.bindparam("f"),
    TERMS.c.word == sa.bindparam("w"),
    TERMS.c.seq == sa.bindparam("s"),
)
_DROP_EMPTY = sa.delete(COUNTS).where(
    COUNTS.c.field == sa.bindparam("f"), COUNTS.c.word == sa.bindparam("w"), COUNTS.c.jobs <= 0
)


def _upsert(insert: Any) -> Any:
    statement = insert(COUNTS)
    total = COUNTS.c.jobs + statement.excluded.jobs
    return statement.on_conflict_do_update(index_elements=["field", "word"], set_={"jobs": total})


_UPSERTS = {dialect: _upsert(insert) for dialect, insert in INSERTS.items()}
