"""What is to be done next: requests, limits and delays that are due, jobs that may start."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

import sqlalchemy as sa

from core import clock, json
from engine import limits, placement, requests, starting
from engine.starting import Launch
from engine.turn import Turn
from models import live_jobs
from models.job import Job
from services.hosts import our_name
from services.transitions import RUNNING, State, move

#: Most jobs that are started in one transaction.
MOST_STARTS = 64
#: Look at the clock at least this often, seconds.
_LONGEST_SLEEP = 60.0

Step = Callable[[Turn], None]
#: Kills a job's processes, once the transaction is committed: the job's row, and the way of
#: killing, where the job has a process of its own.
Kill = Callable[[Any, str | None], None]


class HeadDefect(Exception):
    """A step failed because of the job that is first in a queue, whatever the step was about."""

    def __init__(self, job_id: str) -> None:
        super().__init__(job_id)
        self.job_id = job_id


@dataclass
class Todo:
    """What one look at the database found."""

    asked: Sequence[Any] = ()
    due: Sequence[Any] = ()
    delayed: Sequence[Any] = ()
    queue_keys: Sequence[str] = ()
    ready: Sequence[Any] = ()
    #: When the next limit or delay is due, seconds from now.
    seconds_to_next: float = _LONGEST_SLEEP

    @property
    def to_abort(self) -> set[str]:
        """The ids of the jobs that may be aborted."""
        asked = (row.id for row in self.asked if row.abort_reason is not None)
        return {*asked, *(row.id for row in self.due)}

    @property
    def is_cut(self) -> bool:
        """Whether more jobs may be ready than were read."""
        return len(self.ready) == MOST_STARTS

    @property
    def is_empty(self) -> bool:
        """Whether there is nothing to do."""
        return not (self.asked or self.due or self.delayed or self.queue_keys or self.ready)


@dataclass
class Queue:
    """Reads the heads of queues; remembers only whether places may have become free."""

    #: A place may have become free, or somebody new may be waiting.
    is_stirred: bool = field(default=True)

    def stir(self) -> None:
        """Look at the queues with the next look."""
        self.is_stirred = True

    def find(self, connection: sa.Connection, *, may_start: bool) -> Todo:
        """What is to be done now; jobs start only if they may."""
        now = clock.now()
        stirred, self.is_stirred = self.is_stirred, False
        next_moment = live_jobs.next_moment(connection)
        wait = _LONGEST_SLEEP if next_moment is None else max(0.0, next_moment - now)
        past = next_moment is not None and next_moment <= now
        return Todo(
            asked=live_jobs.asked(connection),
            due=live_jobs.past(connection, "due", now) if past else (),
            delayed=live_jobs.past(connection, "until", now) if past else (),
            queue_keys=live_jobs.queue_keys(connection) if stirred and may_start else (),
            ready=live_jobs.in_state(connection, State.READY, MOST_STARTS) if may_start else (),
            seconds_to_next=min(wait, _LONGEST_SLEEP),
        )

    def steps(
        self, todo: Todo, room: int, launch: Launch, kill: Kill
    ) -> Iterator[tuple[str, Step]]:
        """The works of one transaction, each with the job (or queue) that it is about.

        Those who wait in queues come before those who are new.
        """
        for row in todo.asked:
            self.stir()
            yield row.id, lambda turn, row=row: _answer(turn, row, launch, kill)  # type: ignore[misc]
        for row in todo.due:
            yield row.id, lambda turn, row=row: _fire(turn, row, kill)  # type: ignore[misc]
        for row in todo.delayed:
            yield row.id, lambda turn, row=row: _wake(turn, row)  # type: ignore[misc]
        for key in todo.queue_keys:
            yield key, lambda turn, key=key: _serve(turn, key, launch)  # type: ignore[misc]
        for row in todo.ready[:room]:
            yield row.id, lambda turn, row=row: _start(turn, row, launch)  # type: ignore[misc]


def _answer(turn: Turn, row: Any, launch: Launch, kill: Kill) -> None:
    """Do what a caller asked of a job."""
    # As it is now: another caller may have changed its actions since it was found.
    row = Job.load(turn.connection, row.id)
    if row is None or row.final:
        return
    if row.abort_reason is not None:
        _abort(turn, row, row.abort_reason, kill)
    else:
        requests.resume(turn, row, launch)


def _fire(turn: Turn, row: Any, kill: Kill) -> None:
    # As it is now, for the same reason.
    row = Job.load(turn.connection, row.id)
    if row is None or row.final:
        return
    reason = limits.fire_time_limits(turn, row)
    if reason is not None:
        _abort(turn, row, reason, kill)


def _abort(turn: Turn, row: Any, reason: str, kill: Kill) -> None:
    has_process = requests.abort(turn, row, reason)
    way = str(json.loads(row.doc).get("kill") or "parent") if has_process else None
    # What a job does at its end, cleaning up perhaps, is not for a second abort to stop.
    if row.state != State.COMPLETE:
        turn.after.append(lambda: kill(row, way))


def _wake(turn: Turn, row: Any) -> None:
    """End a delay."""
    columns = {"until": None}
    state = State(row.state)
    move(
        turn.connection,
        row.id,
        state,
        State.READY,
        by=our_name(),
        columns=columns,
        drop=("until",),
    )


def _start(turn: Turn, row: Any, launch: Launch) -> None:
    """Start a new job, after those who wait in its queue."""
    # It was found before this transaction: a step before this one may have ended it.
    row = Job.load(turn.connection, row.id)
    if row is None or row.state != State.READY:
        return
    if limits.first_limit(json.loads(row.doc), "queue") is not None:
        _serve(turn, row.queue_key, launch)
    starting.start_ready(turn, row, launch)


def _serve(turn: Turn, queue_key: str, launch: Launch) -> None:
    """Start the jobs of one queue that may start now, in their order."""
    for _ in range(MOST_STARTS):
        row = live_jobs.queue_head(turn.connection, queue_key)
        if row is None:
            return
        try:
            if not _may_start(turn, row):
                return
            move(turn.connection, row.id, State.QUEUED, State.READY, by=our_name())
            starting.start_ready(turn, row, launch)
        except sa.exc.OperationalError:
            raise
        except Exception as error:
            raise HeadDefect(row.id) from error


def _may_start(turn: Turn, row: Any) -> bool:
    """Whether a place and a server are there for the head of a queue."""
    job = json.loads(row.doc)
    limit = limits.first_limit(job, "job")
    running = live_jobs.count(turn.connection, row.queue_key, *RUNNING)
    if limit is not None and running >= limit["amount"]:
        return False
    return placement.available(turn, job) is not None
