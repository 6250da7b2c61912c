"""Runs: turns an event and a caller's wishes into a job that is accepted once it is committed."""

import copy
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import sqlalchemy as sa
from flask import current_app

from core import clock, json
from core.config import Settings
from core.disk import free_bytes
from core.errors import ApiError, BadRequest, NotFound, Unavailable
from core.formats import duration_text
from core.ids import base36, new_id
from models.category import Category
from models.database import db
from models.job import Job
from models.plugin import Plugin
from schemas.event import check_event
from schemas.fields import check_run_fields
from services import doorbell, events, files
from services.access import Caller
from services.hosts import our_name
from services.transitions import ENGINE_KEYS, State, activity

Document = dict[str, Any]

#: How a process is started is the plugin's business alone.
_LAUNCH_KEYS = ("command", "script", "uid", "gid", "cwd", "env", "kill", "runner")
#: What callers can't bring along: it belongs to the event, or is the engine's to set.
_NOT_FROM_CALLERS = frozenset(
    (
        *("type", "category", *_LAUNCH_KEYS),
        *("enabled", "triggers", "created", "modified", "revision", "session_id", "source"),
        *("username", "data", "files", "retry_prev", "parent", "api_key", "json", "post_data"),
        *(ENGINE_KEYS - {"id", "state"}),
    )
)
#: What of an event does not go on its jobs.
_NOT_FROM_EVENTS = frozenset(
    ("title", "enabled", "triggers", "modified", "created", "revision", "progress", *ENGINE_KEYS)
)
_DELAYS = (State.START_DELAY, State.RETRY_DELAY)
_QUEUE_WITHOUT_JOB = (
    "The 'Max Queue Limit' requires a 'Max Concurrent Jobs' limit to also be present."
)


@dataclass(frozen=True)
class _Order:
    """What is to be launched, complete and checked; the writer's thread has no application."""

    merged: Document
    job_input: Document | None
    test: bool
    caller: Caller
    settings: Settings


def run(params: Mapping[str, Any], uploads: Sequence[files.Upload], caller: Caller) -> str:
    """Accept one run of an event; returns the id of its job.

    `params` are the request's, `id` or `title` naming the event. Raises `ApiError` with the
    reason, and then nothing is left behind. When this returns, the job is in the database.
    """
    _check_disk()
    test = bool(params.get("test"))
    wishes = {key: value for key, value in params.items() if key not in _NOT_FROM_CALLERS}
    event = db.read(lambda connection: _runnable_event(connection, wishes, test, caller))
    request = {key: value for key, value in wishes.items() if key not in ("id", "title")}
    merged = db.read(lambda connection: _merge(connection, event, request, caller))
    stored = files.store_uploads(uploads, caller)
    job_input = _with_files(request.get("input"), stored)
    post_data = {"post_data": params["post_data"]} if "post_data" in params else {}

    order = _Order(merged | post_data, job_input, test, caller, dict(current_app.config))
    try:
        job_id = db.write(lambda connection: _launch(connection, order))
    except BaseException:
        files.discard(stored)
        raise
    doorbell.ring()
    return job_id


def _check_disk() -> None:
    """Refuse runs while the disk is nearly full: their logs would have no place."""
    if free_bytes(current_app.config["INSTANCE_PATH"]) < current_app.config["MIN_FREE_BYTES"]:
        raise Unavailable("Not enough disk space to run jobs.", headers={"Retry-After": "30"})


def _runnable_event(
    connection: sa.Connection, wishes: Mapping[str, Any], test: bool, caller: Caller
) -> Document:
    """The event to run, if it may be run by hand and the caller has access to it."""
    event = events.find(connection, wishes.get("id"), wishes.get("title"))
    if event is None:
        raise NotFound(f"Event not found: {events.criteria_text(wishes)}", code="event")
    if not test:
        if not any(_is_manual(trigger) for trigger in event.get("triggers", [])):
            text = f"Event does not allow manual job runs: {event['id']}"
            raise BadRequest(text, code="event")
        if not event.get("enabled"):
            raise BadRequest(f"Event is disabled: {event['id']}", code="event")
    caller.check(event)
    if isinstance(wishes.get("targets"), list):
        caller.check({"category": event["category"], "targets": wishes["targets"]})
    return event


def _is_manual(trigger: Any) -> bool:
    return bool(trigger.get("type") == "manual" and trigger.get("enabled"))


def _merge(
    connection: sa.Connection, event: Document, request: Document, caller: Caller
) -> Document:
    """The event with the caller's wishes on top, checked as a whole."""
    plugin = Plugin.get(connection, str(request.get("plugin", event["plugin"])))
    merged = copy.deepcopy(event) | request
    given = request.get("params")
    params = given if isinstance(given, dict) else {}
    merged["params"] = events.fill_params(event, plugin, params, is_admin=caller.is_admin)
    check_event(merged, events.references(connection))
    check_run_fields(merged, merged["params"])
    return merged


def _with_files(job_input: Any, stored: Sequence[Document]) -> Document | None:
    """The job's input with the uploaded files at the end of its list of files."""
    document: Document = dict(job_input) if isinstance(job_input, dict) else {}
    if stored:
        given = document.get("files")
        document["files"] = [*(given if isinstance(given, list) else []), *stored]
    return document or None


def _launch(connection: sa.Connection, order: _Order) -> str:
    """Insert the job; everything that may still forbid it is checked in this transaction."""
    merged = order.merged
    category = Category.get(connection, merged["category"])
    plugin = Plugin.get(connection, merged["plugin"])
    if category is None:
        raise _refusal(f"Category not found: {merged['category']}")
    if plugin is None:
        raise _refusal(f"Plugin not found: {merged['plugin']}")
    if not order.test:
        _check_enabled(category, "Category")
        _check_enabled(plugin, "Plugin")
    _check_rate(connection, order.settings["MAX_JOBS_PER_MINUTE"])
    job = _document(order, category, plugin)
    _check_limits(job["limits"])
    _insert(connection, job, order.job_input)
    return str(job["id"])


def _refusal(reason: str) -> ApiError:
    return BadRequest(f"Failed to launch job: {reason}", code="event")


def _check_enabled(record: Document, noun: str) -> None:
    if not record.get("enabled"):
        raise _refusal(f"{noun} is disabled: {record.get('title')}")


def _check_rate(connection: sa.Connection, cap: int) -> None:
    """Keep to the cap on jobs per clock minute; ids begin with their time."""
    if not cap:
        return
    minute = int(time.time() // 60 * 60_000)
    query = sa.select(sa.func.count()).where(Job.id >= "j" + base36(minute))
    if (connection.scalar(query) or 0) >= cap:
        raise _refusal(f"Global jobs per minute limit has been reached ({cap}/min)")


def _document(order: _Order, category: Document, plugin: Document) -> Document:
    """The live job's document, as it is before the engine sees it."""
    now, merged, caller = clock.now(), order.merged, order.caller
    job = {key: value for key, value in merged.items() if key not in _NOT_FROM_EVENTS}
    job.pop("input", None)
    limits, actions = list(job.get("limits", [])), list(job.get("actions", []))
    if not order.test or merged.get("test_limits"):
        limits += _inherited(category, "limits")
    if not order.test or merged.get("test_actions"):
        actions += _inherited(category, "actions")
    moment = merged.get("now")
    job |= {
        "limits": limits,
        "actions": actions,
        "username": caller.run_username,
        "source": caller.run_source,
        "event": merged["id"],
        "tags": list(merged.get("tags", [])),
        "id": new_id("j"),
        "env": order.settings["JOB_ENV"],
        "state": _first_state(merged),
        "started": now,
        "now": moment if _is_time(moment) else now,
        "log_file_size": 0,
        "command": plugin.get("command", ""),
        "script": "(File)" if plugin.get("script") else "",
        "uid": plugin.get("uid", ""),
        "gid": plugin.get("gid", ""),
        "kill": plugin.get("kill", ""),
    }
    return job


def _inherited(category: Document, kind: str) -> list[Document]:
    """The category's enabled limits or actions, marked as such."""
    return [item | {"source": "category"} for item in category.get(kind, []) if item.get("enabled")]


def _first_state(merged: Document) -> State:
    """A delay when the caller asked for one and said until when; else the job is ready."""
    delayed = merged.get("state") in _DELAYS and _is_time(merged.get("until"))
    return State(merged["state"]) if delayed else State.READY


def _is_time(value: Any) -> bool:
    return isinstance(value, (int, float)) and not isinstance(value, bool) and 0 < value < 1e12


def _check_limits(limits: Sequence[Document]) -> None:
    enabled = {limit["type"]: limit for limit in reversed(limits) if limit.get("enabled")}
    if "queue" in enabled and enabled["queue"].get("amount") and "job" not in enabled:
        raise _refusal(_QUEUE_WITHOUT_JOB)


def _insert(connection: sa.Connection, job: Document, job_input: Document | None) -> None:
    """Write the row; from the commit on, the job is accepted."""
    delayed = job["state"] in _DELAYS
    Job.insert(
        connection,
        id=job["id"],
        event=job["event"],
        state=job["state"],
        final=0,
        queue_key=f"{job['event']}--",
        rank=0 if job.get("priority") else 1,
        started=job["started"],
        until=job["until"] if delayed else None,
        doc=json.dumps(job),
        activity=json.dumps(_first_entries(job)),
        input=json.dumps(job_input) if job_input else None,
    )


def _first_entries(job: Document) -> list[Document]:
    """What the activity log says of a job that was just accepted."""
    messages = [
        f"xyOps job starting: #{job['id']}",
        f"Source: {job['source'].capitalize()}",
        f"Event ID: #{job['event']}",
    ]
    if job.get("invisible"):
        messages.append("Job is running invisibly.")
    if job.get("ephemeral"):
        messages.append("Job is ephemeral.")
    if job["state"] in _DELAYS and job["until"] >= job["started"] + 0.5:
        wait = duration_text(job["until"] - job["started"])
        messages.append(f"Job will be delayed for {wait}")
    return [activity(message, our_name()) for message in messages]
