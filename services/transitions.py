"""The one table of job states: what may follow what, and what the activity log says of it."""

from collections.abc import Mapping, Sequence
from enum import StrEnum
from typing import Any

import sqlalchemy as sa

from core import clock
from core.ids import new_id
from models.job import Job


class State(StrEnum):
    """Where a job is on its way."""

    START_DELAY = "start_delay"
    RETRY_DELAY = "retry_delay"
    READY = "ready"
    QUEUED = "queued"
    STARTING = "starting"
    ACTIVE = "active"
    FINISHING = "finishing"
    COMPLETE = "complete"


#: The states a job may go to from each state; `complete` is reached by `Job.finalize()` too.
NEXT: Mapping[State, frozenset[State]] = {
    State.START_DELAY: frozenset({State.READY, State.COMPLETE}),
    State.RETRY_DELAY: frozenset({State.READY, State.COMPLETE}),
    State.READY: frozenset({State.QUEUED, State.STARTING, State.COMPLETE}),
    State.QUEUED: frozenset({State.READY, State.COMPLETE}),
    State.STARTING: frozenset({State.ACTIVE, State.COMPLETE}),
    State.ACTIVE: frozenset({State.FINISHING, State.COMPLETE}),
    State.FINISHING: frozenset({State.COMPLETE}),
    State.COMPLETE: frozenset(),
}

#: States in which a job counts against its event's concurrency limit.
RUNNING = (State.ACTIVE, State.STARTING)

#: Transitions that the activity log does not mention.
_SILENT = frozenset({(State.READY, State.STARTING), (State.ACTIVE, State.FINISHING)})

Row = dict[str, Any]


def activity(message: str, server: str, **extra: Any) -> Row:
    """One entry of a job's activity log, by `server`: a server's id, or `m:HOST` for ours."""
    return {"id": new_id("m"), "epoch": clock.now(), "msg": message, "server": server, **extra}


def move(
    connection: sa.Connection,
    job_id: str,
    before: State,
    after: State,
    *,
    by: str,
    rows: Sequence[Row] = (),
    **changes: Any,
) -> bool:
    """Take a job from one state to the next; false when it is no longer in `before`.

    `changes` are the parts that `Job.patch()` takes; `rows` follow the transition's own entry.
    Raises `ValueError` for a transition that the table does not have.
    """
    if after not in NEXT[before]:
        raise ValueError(f"no way from {before} to {after}")
    entries = list(rows)
    if after is not State.COMPLETE and (before, after) not in _SILENT:
        text = f"Moving job state from {{{before}}} to {{{after}}}"
        entries.insert(0, activity(text, by))
    columns = {"state": after, **changes.pop("columns", {})}
    return Job.patch(
        connection, job_id, columns=columns, activity=entries, states=(before,), **changes
    )
