"""Launching: turns an event, merged with what a run changes of it, into a job in the database."""

import time
from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any

import sqlalchemy as sa
from flask import current_app

from core import json
from core.config import Settings
from core.disk import free_bytes
from core.errors import ApiError, BadRequest, Unavailable
from core.formats import duration_text
from core.ids import base36
from models.category import Category
from models.database import db
from models.job import Job
from models.plugin import Plugin
from services import doorbell, events, files, macros, overrides, statistics
from services.hosts import our_name
from services.orders import Order, Parts, first_state, is_time, new_document
from services.transitions import DELAYS, activity

Document = dict[str, Any]

#: Sources of jobs that daily limits don't count for.
_BY_HAND = ("user", "key")
_QUEUE_WITHOUT_JOB = (
    "The 'Max Queue Limit' requires a 'Max Concurrent Jobs' limit to also be present."
)


def check_disk() -> None:
    """Refuse runs while the disk is nearly full: their logs would have no place."""
    if free_bytes(current_app.config["INSTANCE_PATH"]) < current_app.config["MIN_FREE_BYTES"]:
        raise Unavailable("Not enough disk space to run jobs.", headers={"Retry-After": "30"})


def launch_with_files(order: Order, store: Callable[[], list[Document]]) -> str:
    """Store the files of a request, launch the job with them at the end of its input.

    Returns the job's id; raises `ApiError`, and then nothing is left behind.
    """
    given = files.checked_input(order.job_input)
    stored = store()
    try:
        order = replace(order, job_input=files.with_uploads(given, stored))
        job_id, is_new = launch(order)
    except BaseException:
        files.discard(stored)
        raise
    if not is_new:
        files.discard(stored)
    return job_id


def launch(order: Order) -> tuple[str, bool]:
    """Insert the job; returns its id, and whether it is new or another has the order's claim.

    Raises `ApiError` with the reason, and then there is no job.
    """
    settings: Settings = dict(current_app.config)
    job = new_document(order, db.read(lambda connection: _parts(connection, order)), settings)
    job = macros.expanded(job, order.job_input)
    job |= _overrides(order, job)
    job["state"] = first_state(job)
    _check_limits(job["limits"])

    def work(connection: sa.Connection) -> str:
        # Once more: they may have been disabled meanwhile.
        _parts(connection, order)
        _check_rate(connection, settings["MAX_JOBS_PER_MINUTE"])
        check_days(connection, job)
        job_id = str(job["id"])
        winner = order.claim.take(connection, job_id) if order.claim else job_id
        if winner == job_id:
            insert(connection, job, order.job_input)
        return winner

    # To count the runs of a minute exactly, nobody else may be adding one.
    winner = db.write(work, shared=not settings["MAX_JOBS_PER_MINUTE"])
    doorbell.ring()
    return winner, winner == job["id"]


def _parts(connection: sa.Connection, order: Order) -> Parts:
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
    return Parts(category, plugin)


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


def check_days(connection: sa.Connection, job: Document) -> None:
    """Keep to the job's daily limits; who runs a job by hand may do so however often."""
    if job["source"] in _BY_HAND:
        return
    for limit in job["limits"]:
        if limit["type"] != "day" or not limit.get("enabled"):
            continue
        condition, most = limit["condition"], limit["amount"]
        if statistics.count_today(connection, job["event"], condition) >= most:
            text = f"Maximum daily '{condition}' count of {most:g} has been reached for event"
            raise _refusal(f"{text}: {job['event']}")


def _overrides(order: Order, job: Document) -> Document:
    """The properties that parameters set, as far as this caller might set them directly."""
    values = overrides.wanted(job["params"], at_launch=True)
    if values:
        db.read(lambda c: overrides.check(values, job, events.references(c), order.check_access))
    if not is_time(values.get("now", job["now"])):
        del values["now"]
    return values


def _check_limits(limits: Sequence[Document]) -> None:
    enabled = {limit["type"]: limit for limit in reversed(limits) if limit.get("enabled")}
    if "queue" in enabled and enabled["queue"].get("amount") and "job" not in enabled:
        raise _refusal(_QUEUE_WITHOUT_JOB)


def insert(connection: sa.Connection, job: Document, job_input: Document | None) -> None:
    """Write the row, and which uploads it uses; from the commit on, the job is accepted."""
    delayed = job["state"] in DELAYS
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
    files.attach(connection, job["id"], job_input)


def _source_text(job: Document) -> str:
    """Where a job comes from, and for one of the scheduler by which kind of trigger."""
    kind = f" ({job['stype']})" if job.get("stype") else ""
    return f"Source: {job['source'].capitalize()}{kind}"


def _first_entries(job: Document) -> list[Document]:
    """What the activity log says of a job that was just accepted."""
    messages = [
        f"xyOps job starting: #{job['id']}",
        _source_text(job),
        f"Event ID: #{job['event']}",
    ]
    if job.get("invisible"):
        messages.append("Job is running invisibly.")
    if job.get("ephemeral"):
        messages.append("Job is ephemeral.")
    if job["state"] in DELAYS and job["until"] >= job["started"] + 0.5:
        wait = duration_text(job["until"] - job["started"])
        messages.append(f"Job will be delayed for {wait}")
    return [activity(message, our_name()) for message in messages]
