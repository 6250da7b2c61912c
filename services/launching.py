"""Launching: turns an event, merged with what a run changes of it, into a job in the database."""

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Any

import sqlalchemy as sa
from flask import current_app

from core import clock, json
from core.config import Settings
from core.disk import free_bytes
from core.errors import ApiError, BadRequest, Unavailable
from core.formats import duration_text
from core.ids import base36, new_id
from core.javascript import is_truthy
from models.category import Category
from models.database import db
from models.job import Job
from models.plugin import Plugin
from schemas.parameters import locked_ids
from services import doorbell, events, files, macros, overrides
from services.hosts import our_name
from services.idempotency import Claim
from services.overrides import LAUNCH_KEYS
from services.transitions import ENGINE_KEYS, State, activity

Document = dict[str, Any]

#: What of an event does not go on its jobs.
_NOT_FROM_EVENTS = frozenset(
    (
        *("title", "enabled", "triggers", "modified", "created", "revision", "progress", "input"),
        *LAUNCH_KEYS,
        *ENGINE_KEYS,
    )
)
_DELAYS = (State.START_DELAY, State.RETRY_DELAY)
_QUEUE_WITHOUT_JOB = (
    "The 'Max Queue Limit' requires a 'Max Concurrent Jobs' limit to also be present."
)


@dataclass(frozen=True)
class Order:
    """What is to be launched: an event with the run's wishes in it, checked, and by whom."""

    merged: Document
    job_input: Document | None
    #: The job's `source` and `username`.
    source: str
    username: str
    #: Raises `Forbidden` for a document that is out of the caller's reach.
    check_access: Callable[[Document], None]
    test: bool = False
    claim: Claim | None = None


@dataclass(frozen=True)
class _Parts:
    """The records that a launch needs beside the event."""

    category: Document
    plugin: Document


def check_disk() -> None:
    """Refuse runs while the disk is nearly full: their logs would have no place."""
    if free_bytes(current_app.config["INSTANCE_PATH"]) < current_app.config["MIN_FREE_BYTES"]:
        raise Unavailable("Not enough disk space to run jobs.", headers={"Retry-After": "30"})


def launch_with_files(order: Order, store: Callable[[], list[Document]]) -> str:
    """Store the files of a request, launch the job with them at the end of its input.

    Returns the job's id; raises `ApiError`, and then nothing is left behind.
    """
    stored = store()
    try:
        job_id, is_new = launch(replace(order, job_input=_with_files(order.job_input, stored)))
    except BaseException:
        files.discard(stored)
        raise
    if not is_new:
        files.discard(stored)
    return job_id


def _with_files(job_input: Any, stored: Sequence[Document]) -> Document | None:
    """The job's input with the uploaded files at the end of its list of files."""
    document: Document = dict(job_input) if isinstance(job_input, dict) else {}
    if stored:
        given = document.get("files")
        document["files"] = [*(given if isinstance(given, list) else []), *stored]
    return document or None


def launch(order: Order) -> tuple[str, bool]:
    """Insert the job; returns its id, and whether it is new or another has the order's claim.

    Raises `ApiError` with the reason, and then there is no job.
    """
    settings: Settings = dict(current_app.config)
    job = _document(order, db.read(lambda connection: _parts(connection, order)), settings)
    job = macros.expanded(job, order.job_input)
    job |= _overrides(order, job)
    job["state"] = _first_state(job)
    _check_limits(job["limits"])

    def work(connection: sa.Connection) -> str:
        # Once more: they may have been disabled meanwhile.
        _parts(connection, order)
        _check_rate(connection, settings["MAX_JOBS_PER_MINUTE"])
        job_id = str(job["id"])
        winner = order.claim.take(connection, job_id) if order.claim else job_id
        if winner == job_id:
            _insert(connection, job, order.job_input)
        return winner

    winner = db.write(work)
    doorbell.ring()
    return winner, winner == job["id"]


def _parts(connection: sa.Connection, order: Order) -> _Parts:
    """Category and plugin, if these allow the launch."""
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
    return _Parts(category, plugin)


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


def _document(order: Order, parts: _Parts, settings: Settings) -> Document:
    """The live job's document, before macros and overrides."""
    now, merged, category = clock.now(), order.merged, parts.category
    limits, actions = list(merged.get("limits", [])), list(merged.get("actions", []))
    if not order.test or merged.get("test_limits"):
        limits += _inherited(category, "limits")
    if not order.test or merged.get("test_actions"):
        actions += _inherited(category, "actions")
    moment = merged.get("now")
    return {
        **{key: value for key, value in merged.items() if key not in _NOT_FROM_EVENTS},
        "limits": limits,
        "actions": actions,
        "username": order.username,
        "source": order.source,
        "event": merged["id"],
        "tags": list(merged.get("tags", [])),
        "id": new_id("j"),
        "env": settings["JOB_ENV"],
        "state": merged.get("state"),
        "started": now,
        "now": moment if _is_time(moment) else now,
        "log_file_size": 0,
        **_launch_keys(parts.plugin, merged["params"]),
    }


def _launch_keys(plugin: Document, params: Document) -> Document:
    """How the process is started: by whom too, where a locked parameter of the plugin says so."""
    keys = {
        "command": plugin.get("command", ""),
        "script": "(File)" if plugin.get("script") else "",
        "uid": plugin.get("uid", ""),
        "gid": plugin.get("gid", ""),
        "kill": plugin.get("kill", ""),
    }
    if plugin.get("runner"):
        keys["runner"] = True
    locked = {"uid", "gid"}.intersection(locked_ids(plugin.get("params")))
    return keys | {key: params[key] for key in locked if is_truthy(params.get(key))}


def _inherited(category: Document, kind: str) -> list[Document]:
    """The category's enabled limits or actions, marked as such."""
    return [item | {"source": "category"} for item in category.get(kind, []) if item.get("enabled")]


def _overrides(order: Order, job: Document) -> Document:
    """The properties that parameters set, as far as this caller might set them directly."""
    values = overrides.wanted(job["params"], at_launch=True)
    if values:
        db.read(lambda c: overrides.check(values, job, events.references(c), order.check_access))
    if not _is_time(values.get("now", job["now"])):
        del values["now"]
    return values


def _first_state(job: Document) -> State:
    """A delay when the caller asked for one and said until when; else the job is ready."""
    delayed = job.get("state") in _DELAYS and _is_time(job.get("until"))
    return State(job["state"]) if delayed else State.READY


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
