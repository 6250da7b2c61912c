"""The one table of job states: what may follow what, and what the activity log says of it."""

from collections.abc import Mapping, Sequence
from enum import StrEnum
from itertools import pairwise
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


#: The states a job may go to from each state. Whoever is aborted in `starting` waits in `complete`
#: until its start actions have ended; there its end actions run too. It leaves `complete` when
#: `Job.finalize()` makes its record, which takes it there at once where nothing holds it.
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

#: What only the engine says of a job.
ENGINE_KEYS = frozenset(
    (
        *("id", "event", "state", "code", "complete", "started", "updated", "completed"),
        *("elapsed", "server", "groups", "pid", "cwd", "remote", "final", "position", "suspended"),
        *("activity", "output", "log_file_size", "retried", "jobs", "aborting", "redraw"),
        *("retry_count", "retry_ok"),
    )
)

#: States in which a job counts against its event's concurrency limit.
RUNNING = (State.ACTIVE, State.STARTING)

#: States in which a job waits for the moment `until`.
DELAYS = (State.START_DELAY, State.RETRY_DELAY)

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
    through: Sequence[State] = (),
    rows_before: Sequence[Row] = (),
    rows: Sequence[Row] = (),
    **changes: Any,
) -> bool:
    """Take a job from one state to the next, or `through` others; false when it is not in `before`.

    `changes` are the parts that `Job.patch()` takes; `rows_before` and `rows` stand around the
    transition's own entries. Raises `ValueError` for a transition that the table does not have.
    """
    path = [before, *through, after]
    entries = list(rows_before)
    for source, target in pairwise(path):
        if target not in NEXT[source]:
            raise ValueError(f"no way from {source} to {target}")
        if target is not State.COMPLETE and (source, target) not in _SILENT:
            entries.append(activity(f"Moving job state from {{{source}}} to {{{target}}}", by))
    entries += rows
    columns = {"state": after, **changes.pop("columns", {})}
    return Job.patch(
        connection, job_id, columns=columns, activity=entries, states=(before,), **changes
    )
