"""Queries over live jobs: what runs, what waits, what is due; history costs them nothing."""

from collections.abc import Sequence
from typing import Any

import sqlalchemy as sa

from models.job import ALL_COLUMNS, TABLE, Job, is_live

_LIST_COLUMNS = sa.select(
    *(
        getattr(Job, name)
        for name in (
            "seq",
            "id",
            "event",
            "state",
            "queue_key",
            "rank",
            "log_size",
            "live",
            "doc",
            "results",
        )
    )
)
_IN_QUEUE = (is_live(), TABLE.c.queue_key == sa.bindparam("queue_key"))
_OF_STATES = TABLE.c.state.in_(sa.bindparam("states", expanding=True))
_ASKED = ALL_COLUMNS.where(
    is_live(), sa.text("(abort_reason IS NOT NULL OR resume IS NOT NULL)")
).order_by(TABLE.c.seq)
_IN_STATE = (
    ALL_COLUMNS.where(is_live(), TABLE.c.state == sa.bindparam("state"))
    .order_by(TABLE.c.seq)
    .limit(sa.bindparam("most"))
)
_NEXT_MOMENTS = [
    sa.select(sa.func.min(column)).where(is_live(), column.is_not(None))
    for column in (TABLE.c.until, TABLE.c.due)
]
_COUNT = sa.select(sa.func.count()).where(*_IN_QUEUE, _OF_STATES)
_IDS = sa.select(TABLE.c.id).where(*_IN_QUEUE, _OF_STATES).order_by(TABLE.c.seq)
_HEAD = (
    ALL_COLUMNS.where(*_IN_QUEUE, TABLE.c.state == "queued")
    .order_by(TABLE.c.rank, TABLE.c.seq)
    .limit(1)
)


def delete_queued(connection: sa.Connection, event: str) -> int:
    """Remove all queued jobs of an event; returns how many there were."""
    query = sa.delete(Job).where(is_live(), Job.event == event, Job.state == "queued")
    return connection.execute(query).rowcount


def live_rows(
    connection: sa.Connection, *conditions: sa.ColumnElement[bool]
) -> Sequence["sa.Row[Any]"]:
    """The live jobs that meet all `conditions`, in the order of their launch."""
    query = _LIST_COLUMNS.where(is_live(), *conditions).order_by(Job.seq)
    return connection.execute(query).all()


def asked(connection: sa.Connection) -> Sequence["sa.Row[Any]"]:
    """The live jobs of which a caller asked something."""
    return connection.execute(_ASKED).all()


def in_state(connection: sa.Connection, state: str, limit: int) -> Sequence["sa.Row[Any]"]:
    """The oldest live jobs in a state."""
    return connection.execute(_IN_STATE, {"state": state, "most": limit}).all()


def past(connection: sa.Connection, column: str, now: float) -> Sequence["sa.Row[Any]"]:
    """The live jobs whose `until` or `due` has come."""
    moment = getattr(Job, column)
    query = ALL_COLUMNS.where(is_live(), moment.is_not(None), moment <= now)
    return connection.execute(query.order_by(Job.seq)).all()


def next_moment(connection: sa.Connection) -> float | None:
    """When the next `until` or `due` of a live job comes."""
    moments = (connection.scalar(query) for query in _NEXT_MOMENTS)
    return min((moment for moment in moments if moment is not None), default=None)


def launched(connection: sa.Connection) -> Sequence["sa.Row[Any]"]:
    """The live jobs that were handed to a launcher; the process of one may be over."""
    query = ALL_COLUMNS.where(
        is_live(), Job.state.in_(("active", "finishing", "complete")), Job.launch.is_not(None)
    )
    return connection.execute(query).all()


def queue_head(connection: sa.Connection, queue_key: str) -> "sa.Row[Any] | None":
    """The queued job whose turn it is: priority jobs first, then the oldest."""
    return connection.execute(_HEAD, {"queue_key": queue_key}).first()


def queue_keys(connection: sa.Connection) -> list[str]:
    """The keys under which live jobs are queued, one index look-up each."""
    keys: list[str] = []
    query = sa.select(sa.func.min(Job.queue_key)).where(is_live(), Job.state == "queued")
    key = connection.scalar(query)
    while key is not None:
        keys.append(key)
        key = connection.scalar(query.where(Job.queue_key > key))
    return keys


def count(connection: sa.Connection, queue_key: str, *states: str) -> int:
    """How many live jobs of a queue are in these states."""
    return connection.scalar(_COUNT, {"queue_key": queue_key, "states": states}) or 0


def ids_in(connection: sa.Connection, queue_key: str, *states: str) -> Sequence[str]:
    """The ids of the live jobs of a queue in these states, oldest first."""
    return connection.scalars(_IDS, {"queue_key": queue_key, "states": states}).all()


def count_of_event(connection: sa.Connection, event: str, state: str | None = None) -> int:
    """How many live jobs an event has, in one state or in all."""
    query = sa.select(sa.func.count()).where(is_live(), Job.event == event)
    if state is not None:
        query = query.where(Job.state == state)
    return connection.scalar(query) or 0


def position(connection: sa.Connection, row: "sa.Row[Any]") -> int:
    """A queued job's place in its queue, from 1; 0 for a priority job."""
    if row.rank == 0:
        return 0
    query = sa.select(sa.func.count()).where(
        is_live(),
        Job.queue_key == row.queue_key,
        Job.state == "queued",
        Job.rank == 1,
        Job.seq <= row.seq,
    )
    return connection.scalar(query) or 0
