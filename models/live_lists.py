"""Lists of live jobs: which there are, page by page, and the places of those that are queued.

An entry says which job it is, and by its revision which version of it; documents are read apart
from that, because lists show the same ones again and again.
"""

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from functools import cache
from typing import Any

import sqlalchemy as sa

from models.job import TABLE, is_live

Entries = Sequence["sa.Row[Any]"]

#: Columns that entries can be chosen by. Their text is what the job's document says, so a text
#: as filter equals nothing else.
FILTER_COLUMNS = ("id", "event", "state", "server")

_ENTRY = [TABLE.c[name] for name in ("seq", "id", "state", "queue_key", "revision", "started")]
_DOCUMENT = [*_ENTRY, *(TABLE.c[name] for name in ("final", "log_size", "live", "doc", "results"))]
# By id alone: were live ones asked for, PostgreSQL could think that these are few, and go through
# all of them.
_DOCUMENTS = sa.select(*_DOCUMENT).where(TABLE.c.id.in_(sa.bindparam("ids", expanding=True)))
_WAITING = (
    is_live(),
    TABLE.c.queue_key.in_(sa.bindparam("keys", expanding=True)),
    TABLE.c.state == "queued",
    TABLE.c.rank == 1,
)
_AHEAD = (
    sa.select(TABLE.c.queue_key, sa.func.count())
    .where(*_WAITING, TABLE.c.seq < sa.bindparam("first"))
    .group_by(TABLE.c.queue_key)
)
_AMONG = (
    sa.select(TABLE.c.seq, TABLE.c.queue_key)
    .where(*_WAITING, TABLE.c.seq.between(sa.bindparam("first"), sa.bindparam("last")))
    .order_by(TABLE.c.seq)
)


def entries_after(
    connection: sa.Connection, filters: Mapping[str, str], seq: int, limit: int
) -> Entries:
    """The next live jobs in the order of their launch, with these values in their columns."""
    query = _after(tuple(filters))
    return connection.execute(query, {**filters, "seq_after": seq, "most": limit}).all()


def page_by_start(
    connection: sa.Connection,
    filters: Mapping[str, str],
    *,
    is_ascending: bool,
    offset: int,
    limit: int,
) -> tuple[Entries, int]:
    """A page of live jobs by the time of their start, and how many there are on all pages."""
    names = tuple(filters)
    page = {**filters, "skipped": offset, "most": limit}
    entries = connection.execute(_page(names, is_ascending), page).all()
    return entries, connection.scalar(_count(names), filters) or 0


def documents(connection: sa.Connection, ids: Sequence[str]) -> dict[str, "sa.Row[Any]"]:
    """Entries with documents, by id; those of jobs that don't live any more are missing."""
    rows = connection.execute(_DOCUMENTS, {"ids": list(ids)})
    return {row.id: row for row in rows if not row.final}


def places(connection: sa.Connection, entries: Entries) -> dict[str, int]:
    """The places in their queues of those entries that are queued; 0 for priority jobs."""
    queued = [entry for entry in entries if entry.state == "queued"]
    if not queued:
        return {}
    keys = sorted({entry.queue_key for entry in queued})
    seqs = [entry.seq for entry in queued]
    bounds = {"keys": keys, "first": min(seqs), "last": max(seqs)}
    counts = Counter[str]()
    for key, ahead in connection.execute(_AHEAD, bounds):
        counts[key] = ahead
    by_seq = dict(_numbered(connection.execute(_AMONG, bounds), counts))
    return {entry.id: by_seq.get(entry.seq, 0) for entry in queued}


def _numbered(rows: Iterable[Any], counts: Counter[str]) -> Iterator[tuple[int, int]]:
    """Each row's number and place, counted on from those that are ahead of all rows."""
    for seq, key in rows:
        counts[key] += 1
        yield seq, counts[key]


def _chosen(names: tuple[str, ...]) -> list[sa.ColumnElement[bool]]:
    return [is_live(), *(TABLE.c[name] == sa.bindparam(name) for name in names)]


@cache
def _after(names: tuple[str, ...]) -> sa.Select[Any]:
    query = sa.select(*_ENTRY).where(*_chosen(names), TABLE.c.seq > sa.bindparam("seq_after"))
    return query.order_by(TABLE.c.seq).limit(sa.bindparam("most"))


@cache
def _page(names: tuple[str, ...], is_ascending: bool) -> sa.Select[Any]:
    """Jobs that started at the same time stay in the order of their launch, either way."""
    started = TABLE.c.started if is_ascending else TABLE.c.started.desc()
    query = sa.select(*_ENTRY).where(*_chosen(names)).order_by(started, TABLE.c.seq)
    return query.offset(sa.bindparam("skipped")).limit(sa.bindparam("most"))


@cache
def _count(names: tuple[str, ...]) -> sa.Select[Any]:
    return sa.select(sa.func.count()).select_from(TABLE).where(*_chosen(names))
