"""Retention: which finished jobs are too old or too many, by the settings and by category."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import sqlalchemy as sa

from core import clock
from core.config import Settings
from models import database
from models.category import Category
from models.job import Job, is_final
from models.job_size import JobSize, Size, size_of_row
from models.job_term import TERMS, WHOLE, Field, JobCount

#: So many jobs are looked for at once.
_AT_ONCE = 200


@dataclass(frozen=True)
class Rule:
    """What is kept of all finished jobs, or of those of one category; 0 is no limit."""

    jobs: int = 0
    #: Since their end.
    seconds: float = 0
    bytes: int = 0
    category: str | None = None


def rules(connection: sa.Connection, settings: Settings) -> list[Rule]:
    """The rule for all jobs, then those of the categories that have one of their own."""
    names = ("RETENTION_JOBS", "RETENTION_SECONDS", "RETENTION_BYTES")
    found = [Rule(*(settings[name] for name in names))]
    for category in Category.all(connection):
        own: Mapping[str, Any] = category.get("retention") or {}
        if own:
            found.append(Rule(**own, category=category["id"]))
    return found


def overdue(connection: sa.Connection, rule: Rule) -> list[str]:
    """The ids of the oldest jobs that a rule does not keep, some at a time."""
    surplus = _surplus_jobs(connection, rule)
    surplus_bytes = _size(connection, rule.category) - rule.bytes if rule.bytes else 0
    before = clock.now() - rule.seconds if rule.seconds else float("-inf")
    if surplus <= 0 and surplus_bytes <= 0 and not rule.seconds:
        return []
    ids: list[str] = []
    for row in _oldest(connection, rule.category):
        if surplus <= 0 and surplus_bytes <= 0 and row.completed >= before:
            break
        ids.append(row.id)
        surplus -= 1
        surplus_bytes -= size_of_row(row).total
    return ids


def _surplus_jobs(connection: sa.Connection, rule: Rule) -> int:
    if not rule.jobs:
        return 0
    field, word = Field.EVERY, ""
    if rule.category is not None:
        field, word = Field.CATEGORY, WHOLE + rule.category
    return JobCount.of(connection, field, [word]).get(word, 0) - rule.jobs


def _size(connection: sa.Connection, category: str | None) -> int:
    """The bytes of jobs; of all of them what the database itself takes, where that is known."""
    size = JobSize.of(connection, category)
    used = None if category is not None else database.used_bytes(connection)
    return size.total if used is None else Size(used, size.files).total


def _oldest(connection: sa.Connection, category: str | None) -> Sequence[Any]:
    """The jobs that ended first."""
    query = sa.select(Job.id, Job.completed, Job.record_bytes, Job.file_bytes)
    if category is None:
        query = query.where(is_final()).order_by(Job.completed, Job.seq)
    else:
        its = (TERMS.c.field == Field.CATEGORY, TERMS.c.word == WHOLE + category)
        query = query.join(TERMS, TERMS.c.seq == Job.seq).where(*its)
        query = query.order_by(TERMS.c.completed, TERMS.c.seq)
    return connection.execute(query.limit(_AT_ONCE)).all()
