"""Changing jobs: aborting, resuming, updating, tagging and deleting what was accepted."""

from collections.abc import Mapping, Sequence
from typing import Any

import sqlalchemy as sa
from flask import current_app

from core import clock, json
from core.errors import BadRequest, Conflict, NotFound
from models import live_jobs
from models.database import db
from models.event import Event
from models.file_use import FileUse
from models.job import Job
from models.plugin import Plugin
from schemas.actions import check_actions
from schemas.limits import check_limits
from schemas.parameters import locked_ids
from schemas.patterns import Budget
from services import (
    audit,
    doorbell,
    events,
    job_removal,
    job_views,
    macros,
    overrides,
    statistics,
)
from services.access import Caller
from services.deadlines import next_due
from services.hosts import our_name
from services.job_removal import Removed
from services.jobs import missing, not_loaded
from services.record_updates import adjusted, check_types
from services.transitions import ENGINE_KEYS, State, activity

#: What can't be changed while a job lives: the engine sets or measures it, or has used it already.
FIXED_WHILE_LIVE = (ENGINE_KEYS - {"output"}) | {
    *("until", "plugin", "command", "script", "uid", "gid", "kill", "env"),
    *("cpu", "mem", "procs", "conns", "timelines", "disk", "net"),
}
#: States in which time limits run.
_TIMED = (State.ACTIVE, State.FINISHING)


def abort(job_id: str, caller: Caller) -> None:
    """Ask the engine to abort a live job; it has ended when nothing of it is left."""
    gone = f"Job not found or is no longer active: {job_id}"

    def work(connection: sa.Connection) -> None:
        row = live_row(connection, job_id, gone)
        caller.check(job_views.live_document(row))
        if row.abort_reason is None:
            reason = caller.abort_reason()
            Job.patch(connection, job_id, columns={"abort_reason": reason})
            audit.record(connection, caller, "job_abort", job_id, [job_id], reason=reason)

    db.write(work)
    doorbell.ring()


def resume(
    job_id: str,
    params: Mapping[str, Any] | None,
    redirect: str | None,
    caller: Caller,
    ip: str,
    agent: str,
) -> None:
    """Ask the engine to go on with a suspended job, with `params` merged into its own.

    Their macros are replaced, and they may override properties of the job, as at its launch.
    """
    row = db.read(lambda connection: _suspended_row(connection, job_id, caller))
    asked = {"params": params, "redirect": redirect, "by": caller.name, "ip": ip, "agent": agent}
    asked |= _changes_on_resuming(row, params or {}, caller)

    def work(connection: sa.Connection) -> None:
        _suspended_row(connection, job_id, caller)
        request = json.dumps(asked | {"at": clock.now()})
        Job.patch(connection, job_id, columns={"resume": request}, drop=("suspended",))
        audit.record(connection, caller, "job_resume", job_id, [job_id])

    db.write(work)
    doorbell.ring()


def _suspended_row(connection: sa.Connection, job_id: str, caller: Caller) -> Any:
    """The row of a job that is held by a suspend action, and that nobody has resumed yet."""
    row = live_row(connection, job_id, f"Job not found or is no longer active: {job_id}")
    document = job_views.live_document(row)
    caller.check(document)
    if not document.get("suspended") or row.resume is not None:
        raise Conflict(f"Job is not currently suspended: {job_id}", code="job")
    if not any(_is_suspension(action) for action in document["actions"]):
        text = f"Cannot locate active suspend action in job: {job_id}"
        raise Conflict(text, code="job")
    return row


def _changes_on_resuming(
    row: Any, params: Mapping[str, Any], caller: Caller
) -> dict[str, dict[str, Any]]:
    """The values of `params` without macros, and the properties of the job that they set.

    As with run_event, what the plugin has locked stays as it is for all but administrators.
    """
    job = json.loads(row.doc)
    if not caller.is_admin:
        plugin = db.read(lambda connection: Plugin.get(connection, job["plugin"])) or {}
        locked = locked_ids(plugin.get("params"))
        params = {name: value for name, value in params.items() if name not in locked}
    merged = job | {"params": job.get("params", {}) | params, "command": ""}
    job_input = json.loads(row.input) if row.input else None
    expanded = macros.expanded(merged, job_input, only=params)["params"]
    values = {name: expanded[name] for name in params}
    wanted = overrides.wanted(values, at_launch=False)
    if wanted:
        db.read(lambda c: overrides.check(wanted, job, events.references(c), caller.check))
    return {"values": values, "overrides": wanted}


def _is_suspension(action: Any) -> bool:
    return action.get("type") == "suspend" and bool(action.get("active"))


def live_row(connection: sa.Connection, job_id: str, text: str) -> Any:
    """A live job's row; 404 where there is no such job, 409 where it has ended."""
    row = Job.load(connection, job_id)
    if row is None:
        raise NotFound(text, code="job")
    if row.final:
        raise Conflict(text, code="job")
    return row


def delete(job_id: str, caller: Caller) -> None:
    """Delete a final job with its log, its files, and the uploads that no other job uses."""

    def work(connection: sa.Connection) -> Removed:
        row = Job.load(connection, job_id, "final", "head")
        if row is None:
            raise not_loaded(job_id, code="job")
        if not row.final:
            text = f"Cannot delete a job that is still active: {job_id}"
            raise Conflict(text, code="job")
        record = json.loads(row.head)
        caller.check(record)
        statistics.take_back(connection, record)
        audit.record(connection, caller, "job_delete", job_id, [job_id])
        return job_removal.remove(connection, job_id)

    job_removal.clear(current_app.config["INSTANCE_PATH"], [db.write(work)])
    doorbell.ring()


def update(job_id: str, changes: Mapping[str, Any], caller: Caller) -> None:
    """Change any keys of a job's record; of a live job only what the engine does not own."""

    def work(connection: sa.Connection) -> None:
        # Administrators only, and those have access to everything.
        audit.record(connection, caller, "job_update", job_id, [job_id], updates=changes)
        row = Job.load(connection, job_id)
        if row is None:
            raise NotFound(f"Failed to update job: {missing(job_id)}", code="job")
        if row.final:
            record = adjusted(job_views.record_of(row), changes)
            check_types(record)
            Job.revise(connection, row, *job_views.split_record(record))
            return
        _update_live(connection, row, changes)

    db.write(work)
    doorbell.ring()


def _update_live(connection: sa.Connection, row: Any, changes: Mapping[str, Any]) -> None:
    """Change keys of a live job, and the columns that depend on them."""
    owned = sorted(FIXED_WHILE_LIVE & changes.keys())
    if owned:
        raise BadRequest(f"Cannot update keys of a running job: {', '.join(owned)}", code="job")
    _check_live(connection, changes)
    reported = json.loads(row.results) if row.results else {}
    again = {key: value for key, value in changes.items() if key in reported}
    live = {key: value for key, value in changes.items() if key in job_views.LIVE_KEYS}
    columns: dict[str, Any] = {}
    if "priority" in changes:
        columns["rank"] = 0 if changes["priority"] else 1
    if "limits" in changes and row.state in _TIMED:
        columns["due"] = next_due(changes["limits"], row.started)
    Job.patch(connection, row.id, columns=columns, doc=changes, live=live, results=again)


def _check_live(connection: sa.Connection, changes: Mapping[str, Any]) -> None:
    """Refuse what the engine could not work with."""
    check_types(changes)
    if "limits" in changes:
        check_limits(changes)
    if "actions" in changes:
        check_actions(changes, events.references(connection), Budget())


def set_names(kind: str, job_id: str, names: Sequence[str], caller: Caller) -> None:
    """Replace a final job's `tags` or `tickets` (that is the kind), exactly as given."""
    shown = [name for name in names if not name.startswith("_")]
    message = f"Updated job {kind}: {', '.join(shown) or '(None)'}"

    def work(connection: sa.Connection) -> None:
        row = Job.load(connection, job_id)
        if row is None:
            raise NotFound(f"Failed to update job: {missing(job_id)}", code="job")
        if not row.final:
            raise Conflict(f"Cannot update {kind} of running job.", code="job")
        record = job_views.record_of(row)
        caller.check(record)
        record[kind] = list(names)
        entry = activity(message, our_name(), username=caller.name)
        record["activity"] = [*record.get("activity", []), entry]
        Job.revise(connection, row, *job_views.split_record(record))
        audit.record(
            connection, caller, f"job_update_{kind}", job_id, [job_id], **{kind: list(names)}
        )

    db.write(work)
    doorbell.ring()


def flush_queue(event_id: str, caller: Caller) -> int:
    """Remove all queued jobs of an event, without a trace; returns how many."""

    def work(connection: sa.Connection) -> tuple[int, list[Removed]]:
        event = Event.get(connection, event_id)
        if event is None:
            raise NotFound(f"Event not found: {event_id}", code="event")
        caller.check(event)
        with_files = FileUse.queued_jobs(connection, event_id)
        removed = [job_removal.remove(connection, job_id) for job_id in with_files]
        count = len(removed) + live_jobs.delete_queued(connection, event_id)
        audit.record(connection, caller, "queue_flush", event["title"], [event_id], count=count)
        return count, removed

    count, removed = db.write(work)
    job_removal.clear(current_app.config["INSTANCE_PATH"], removed)
    doorbell.ring()
    return count
