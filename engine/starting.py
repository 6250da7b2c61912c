"""From ready to active: concurrency, the choice of a server, start actions, the launch."""

import logging
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from core import blobs, clock, json, stored_files
from core.formats import size_text
from core.ids import new_id
from engine import actions, claims, ending, environment, event_changes, input_limit, placement
from engine.limits import first_limit, next_due
from engine.turn import Turn
from models import live_jobs
from models.event import Event
from models.job import Job
from models.plugin import Plugin
from services.hosts import our_name
from services.transitions import RUNNING, Row, State, activity, move

logger = logging.getLogger(__name__)

Document = dict[str, Any]
#: Hands a launch command to the launcher, once the transaction is committed.
Launch = Callable[[Document, str], None]

#: Variables that are left out and noted one by one.
_MOST_NOTES = 20
_FULL = "Maximum number of concurrent jobs for event has been reached"
_NO_INPUT = "Setup Error: Error: Failed to download job file"
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
    frame, cwd, notes = _launch_frame(turn, row, job, plugin, launch_id)
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


def launch_frame(turn: Turn, row: Any) -> Document:
    """The launch command of a job that is active already: the launcher may not have got it."""
    job = _document(row)
    plugin = turn.definition(Plugin, job["plugin"]) or {}
    frame, _, _ = _launch_frame(turn, row, job, plugin, row.launch)
    return frame


def _launch_frame(
    turn: Turn, row: Any, job: Document, plugin: Document, launch_id: str
) -> tuple[Document, str, list[Row]]:
    """The launch command, the process's folder, and what the activity log has to say of it."""
    job_input = json.loads(row.input) if row.input else None
    inputs = _inputs(job_input)
    run = blobs.run_dir(turn.settings["INSTANCE_PATH"], row.id, launch_id)
    # The launcher makes the usual folder; one for input files has to be there before.
    cwd = str(blobs.work_folders(run)[0 if inputs else 1])
    variables, left_out = environment.variables(job, job_input, cwd, turn.settings)
    notes = [
        activity(f"WARNING: Variable is too long for the environment: {name}", job["server"])
        for name in left_out[:_MOST_NOTES]
    ]
    if len(left_out) > _MOST_NOTES:
        more = len(left_out) - _MOST_NOTES
        text = f"WARNING: {more} more variables do not fit into the environment."
        notes.append(activity(text, job["server"]))
    frame = {
        "op": "launch",
        "launch": launch_id,
        "job": row.id,
        **environment.command(job, plugin, variables),
        "cwd": cwd if inputs else None,
        "env": variables,
        "stdin": environment.stdin(job, job_input, cwd, turn.settings),
        "uid": str(job.get("uid") or ""),
        "gid": str(job.get("gid") or ""),
        "kill": job.get("kill") or "parent",
        "inputs": inputs,
    }
    return frame, cwd, [*input_entries(inputs, job["server"]), *notes]


def _inputs(job_input: Document | None) -> list[Document]:
    files = (job_input or {}).get("files")
    entries = files if isinstance(files, list) else []
    return [entry for entry in entries if isinstance(entry, dict)]


def fetch_inputs(instance: Path, entries: Sequence[Document], folder: Path) -> str | None:
    """Copy a job's input files into its folder; says what went wrong, if anything did."""
    for entry in entries:
        name = stored_files.shown_name(str(entry.get("filename") or "file"))
        try:
            folder.mkdir(parents=True, exist_ok=True)
            found = stored_files.copy_file(instance, str(entry.get("path") or ""), folder / name)
        except OSError as error:
            return f"{_NO_INPUT}: {name}: {error.strerror}"
        if not found:
            return f"{_NO_INPUT}: {name}: HTTP 404 Not Found"
    return None


def input_entries(entries: Sequence[Document], server: str) -> list[Row]:
    """What the activity log says of the input files."""
    return [
        activity(f"Downloading file: {entry.get('filename')} ({size_text(_size(entry))})", server)
        for entry in entries
    ]


def _size(entry: Document) -> int:
    size = entry.get("size")
    return size if isinstance(size, int) else 0
