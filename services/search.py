"""Searching finished jobs: what a caller may find, page by page."""

import threading
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import sqlalchemy as sa
from flask import current_app

from core import clock, json
from core.errors import BadRequest, NotFound, Unavailable
from models.database import db
from models.job import TABLE
from models.job_term import WHOLE, Field
from models.readers import QueryTimeout
from schemas.search import cursor_of
from schemas.search_language import parse
from schemas.search_query import All, AnyOf, Node, Word
from schemas.search_values import Clock
from services import job_views
from services.access import Caller
from services.jobs import missing
from services.search_sql import Page, Search

Document = dict[str, Any]

_ONE, _SUMMARY = "#id:", "#summary:"
#: How many jobs of a page are read at a time.
_CHUNK = 50
_LARGE_CHUNK = 10
#: Searches of one process at the same time; others wait for their turn.
_MOST_AT_ONCE = 4
#: How long a search may wait for its turn, and how long it may take, seconds.
_LONGEST_WAIT = 10.0
_LONGEST_SEARCH = 10.0

_turns = threading.BoundedSemaphore(_MOST_AT_ONCE)


@dataclass(frozen=True)
class Found:
    """One page of what a search found."""

    #: The page's jobs as JSON texts, some at a time.
    texts: Iterator[list[str]]
    #: How many jobs there are in all.
    total: int
    #: What the next page begins behind; nothing when this was the last one.
    cursor: str | None


def search(
    caller: Caller,
    query: str,
    *,
    sort_by: str,
    descending: bool,
    limit: int,
    offset: int,
    after: tuple[float, int] | None,
    verbose: bool,
    select: Sequence[str] | None,
) -> Found:
    """Find the finished jobs that a query describes and the caller may see.

    Raises `BadRequest` for a query that can't be understood, `Unavailable` for one that takes
    too long.
    """
    if query.strip().startswith(_SUMMARY):
        _check_summary(query.strip().removeprefix(_SUMMARY))
        return Found(iter(()), 0, None)
    if query.strip().startswith(_ONE):
        places, total = _find_one(query.strip().removeprefix(_ONE).split()[:1], caller)
    else:
        wanted = All((parse(query, Clock(clock.now())), *_reach(caller)))
        page = Page(sort_by, descending, limit, 0 if after else offset, after)
        places, total = _in_turn(wanted, page)
    shown = _Shown(verbose, select, current_app.config["LIST_LOG_BYTES"])
    is_last = len(places) < limit or not places
    cursor = None if is_last else cursor_of(sort_by, *places[-1], descending=descending)
    return Found(_texts([seq for _, seq in places], shown), total, cursor)


def _reach(caller: Caller) -> list[Node]:
    """The limits of what a caller may see, as conditions that no query can widen."""
    if caller.is_unlimited:
        return []
    limits = (("category", caller.categories), ("groups", caller.groups))
    return [
        AnyOf(tuple(Word(field, (WHOLE + name,)) for name in sorted(names)))
        for field, names in limits
        if names
    ]


def _check_summary(name: str) -> None:
    if name.strip().upper() not in Field.__members__:
        text = f"Failed DB search: Error: Index not found: {name.strip()[:100]}"
        raise BadRequest(text, code="db")


def _find_one(names: list[str], caller: Caller) -> tuple[Sequence[tuple[float, int]], int]:
    """The job with an id, if the caller may see it."""
    name = names[0] if names and "\0" not in names[0] else ""
    query = sa.select(TABLE.c.seq, TABLE.c.head).where(TABLE.c.id == name, TABLE.c.final == 1)
    row = db.read(lambda connection: connection.execute(query).first())
    if row is None or not _may_find(caller, json.loads(row.head)):
        raise NotFound(f"Failed DB search: {missing(name[:255])}", code="db")
    return [(row.seq, row.seq)], 1


def _may_find(caller: Caller, record: Document) -> bool:
    """Whether searches show a job to the caller: its groups are those that it ran in."""
    return caller.may_see({**record, "type": None, "targets": record.get("groups")})


def _in_turn(wanted: Node, page: Page) -> tuple[Sequence[tuple[float, int]], int]:
    """Search beside the event loop, not too many at a time and none for too long."""
    if not _turns.acquire(timeout=_LONGEST_WAIT):
        raise Unavailable("Too many searches at the same time.", headers={"Retry-After": "5"})
    try:
        return db.search(lambda connection: _run(connection, wanted, page), _LONGEST_SEARCH)
    except QueryTimeout:
        raise Unavailable("The search takes too long: ask for less.", code="db") from None
    finally:
        _turns.release()


def _run(
    connection: sa.Connection, wanted: Node, page: Page
) -> tuple[Sequence[tuple[float, int]], int]:
    search = Search(connection, wanted)
    total = search.total()
    return (search.page(page, total) if total and page.limit else []), total


@dataclass(frozen=True)
class _Shown:
    """What rows have of a job."""

    verbose: bool
    select: Sequence[str] | None
    log_limit_bytes: int

    @property
    def is_whole(self) -> bool:
        """Whether timelines are shown."""
        return self.verbose if self.select is None else "timelines" in self.select

    @property
    def columns(self) -> Sequence[str]:
        """What has to be read of each."""
        return job_views.VERBOSE_COLUMNS if self.is_whole else job_views.TEXT_COLUMNS

    @property
    def at_once(self) -> int:
        """How many are read at once: all of them are in memory together."""
        return _LARGE_CHUNK if self.is_whole else _CHUNK


def _texts(numbers: Sequence[int], shown: _Shown) -> Iterator[list[str]]:
    """The jobs with these numbers as JSON, in their order; those that are gone leave no trace."""
    for start in range(0, len(numbers), shown.at_once):
        chunk = numbers[start : start + shown.at_once]
        columns = [TABLE.c[name] for name in ("seq", *shown.columns)]
        query = sa.select(*columns).where(TABLE.c.seq.in_(chunk))
        rows = {row.seq: row for row in db.read(lambda c, query=query: c.execute(query).all())}  # type: ignore[misc]
        yield [_text(rows[number], shown) for number in chunk if number in rows]


def _text(row: Any, shown: _Shown) -> str:
    limit = shown.log_limit_bytes
    if shown.select is None:
        text = job_views.final_text(row, verbose=shown.verbose, log_limit_bytes=limit)
    else:
        record = job_views.record_of(row)
        output = job_views.output_of(row, limit) if "output" in shown.select else None
        if output is not None:
            record["output"] = output
        text = json.dumps({key: record[key] for key in shown.select if key in record})
    return job_views.with_timelines(text, row.timelines) if shown.is_whole else text
