"""From ready to active: concurrency, the choice of a server, start actions, the launch."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from core import clock, json
from core.ids import new_id
from core.sealing import SealError
from engine import actions, claims, ending, event_changes, input_limit, launch_frame, placement
from engine.limits import first_limit
from engine.turn import Turn
from models import live_jobs
from models.event import Event
from models.job import Job
from models.plugin import Plugin
from services.deadlines import next_due
from services.hosts import our_name
from services.transitions import RUNNING, Row, State, activity, move

Document = dict[str, Any]
#: Hands a launch command to the launcher, once the transaction is committed.
Launch = Callable[[Document, str], None]

_FULL = "Maximum number of concurrent jobs for event has been reached"
_NO_SERVER = "No available servers matching targets"


def start_ready(turn: Turn, row: Any, launch: Launch) -> None:
    """Take a ready job as far as it can go: to active, into the queue, or to its end."""
    job = _document(row)
    blockers = _blockers(turn, job, row.queue_key)
    if blockers:
        listed = ", ".join(f"#{job_id}" for job_id in blockers)
        entry = activity(f"Active jobs are blocking: {listed}", our_name())
        _queue_or_abort(turn, row, job, [], [entry], _FULL + "{}.", ", and the queue is maxed out")
        return
    row = _prune_input(turn, row, job)
    trouble = _event_trouble(turn, job)
    if trouble:
        ending.abort_now(turn, row, trouble)
        return
    try:
        server = placement.choose(turn, job)
    except placement.NoServer:
        entry = activity(_NO_SERVER, our_name())
        full = ", and the queue is full"
        _queue_or_abort(turn, row, job, [entry], [entry], _NO_SERVER + "{}.", full, may_retry=True)
    except placement.UnknownAlgorithm as error:
        ending.abort_now(turn, row, str(error))
    else:
        _start(turn, row, job, server, launch)


def _document(row: Any) -> Document:
    document: Document = json.loads(row.doc)
    return document


def _blockers(turn: Turn, job: Document, queue_key: str) -> Sequence[str]:
    """The running jobs that take all places of the job limit; none while a place is free."""
    limit = first_limit(job, "job")
    if limit is None:
        return ()
    running = live_jobs.ids_in(turn.connection, queue_key, *RUNNING)
    return running if len(running) >= limit["amount"] else ()


def _queue_or_abort(
    turn: Turn,
    row: Any,
    job: Document,
    queue_entries: list[Row],
    abort_entries: list[Row],
    reason: str,
    full: str,
    *,
    may_retry: bool = False,
) -> None:
    """Put the job into its queue while that has room, or end it."""
    limit = first_limit(job, "queue")
    amount = limit["amount"] if limit else 0
    if amount > live_jobs.count(turn.connection, row.queue_key, State.QUEUED):
        if queue_entries:
            Job.patch(turn.connection, row.id, activity=queue_entries)
        move(turn.connection, row.id, State.READY, State.QUEUED, by=our_name())
        return
    ending.abort_now(
        turn, row, reason.format(full if amount else ""), abort_entries, may_retry=may_retry
    )


def _prune_input(turn: Turn, row: Any, job: Document) -> Any:
    """Leave out input files that the job's limits don't allow; returns the row as it is then."""
    text, entries = input_limit.pruned(job, row.input)
    if not entries:
        return row
    Job.patch(turn.connection, row.id, columns={"input": text}, activity=entries)
    return Job.load(turn.connection, row.id)


def _event_trouble(turn: Turn, job: Document) -> str | None:
    """Why the job may not start after all: its event changed since it was accepted."""
    event = turn.definition(Event, job["event"])
    if event is None:
        return f"Event was deleted: {job['event']}"
    if not event.get("enabled") and not job.get("test"):
        return f"Event was disabled: {event['title']}"
    return None


def _start(turn: Turn, row: Any, job: Document, server: Document, launch: Launch) -> None:
    """Enter `starting`, and where no start action holds the job, go right on to `active`."""
    chosen = activity(placement.chosen_text(server, job["algo"]), our_name())
    changes = {"server": server["id"], "groups": server.get("groups", [])}
    event_changes.note_start(turn, job)
    ran = actions.start(job | changes)
    changes |= ran.changes(job | changes)
    if ran.is_over:
        way = Way(State.READY, (State.STARTING,), [chosen, *ran.entries], [])
        activate(turn, row, job | changes, launch, way, changes)
        return
    move(
        turn.connection,
        row.id,
        State.READY,
        State.STARTING,
        by=our_name(),
        rows=[chosen, *ran.entries],
        columns={"server": server["id"]},
        doc=changes,
    )
    claims.insert(turn, row.id, ran.claims)


@dataclass
class Way:
    """How a job becomes active: from which state, and what its activity log says meanwhile."""

    before: State
    through: Sequence[State]
    rows_before: Sequence[Row]
    rows: Sequence[Row]


def activate(
    turn: Turn, row: Any, job: Document, launch: Launch, way: Way, changes: Document
) -> None:
    """Enter `active` and hand the launch to the launcher, after the commit.

    `changes` are what is new in the job's document.
    """
    now = clock.now()
    launch_id = new_id("l")
    plugin = turn.definition(Plugin, job["plugin"])
    if plugin is None:
        ending.abort_now(turn, row, f"Plugin not found: {job['plugin']}")
        return
    job = job | {"state": State.ACTIVE, "started": now, "updated": now, "progress": 0}
    try:
        frame, cwd, notes = launch_frame.build(turn, row, job, plugin, launch_id)
    except SealError as error:
        ending.abort_now(turn, row, str(error))
        return
    sending = activity("Sending launch command to remote server", our_name())
    columns = {"server": job["server"], "started": now, "launch": launch_id}
    is_active = move(
        turn.connection,
        row.id,
        way.before,
        State.ACTIVE,
        by=our_name(),
        through=way.through,
        rows_before=way.rows_before,
        rows=[*way.rows, sending, *notes],
        columns={**columns, "due": next_due(job.get("limits", []), now)},
        doc={**changes, "started": now, "updated": now, "remote": True, "cwd": cwd},
        live={"progress": 0},
    )
    if is_active:
        turn.after.append(lambda: launch(frame, row.id))
