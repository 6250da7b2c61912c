"""Runs that jobs start: events that an action of a job launches with the job's output."""

import copy
import hashlib
from collections.abc import Mapping
from typing import Any

import sqlalchemy as sa

from core.errors import ApiError, BadRequest
from models.database import db
from models.event import Event
from models.plugin import Plugin
from schemas.fields import check_run_fields
from schemas.parameters import override_of
from services import events, launching
from services.errand import Errand
from services.idempotency import Claim
from services.orders import Order

Document = dict[str, Any]

_NO_PARAMS: Mapping[str, Any] = {}
_REFUSED = "Failed to launch event: "


def launch(
    errand: Errand,
    event_id: str,
    params: Mapping[str, Any] = _NO_PARAMS,
    start_delay_seconds: float = 0,
) -> str:
    """Launch an event with the output of the errand's job as its input; returns the child's id.

    `params` are values for the event's parameters; what the plugin has locked stays as it is.
    However often an errand is repeated, it launches an event once. Raises `ApiError`, whose
    description is the API's text for the failed action.
    """
    claim = _claim(errand, event_id)
    before = db.read(claim.job_before)
    if before is not None:
        return before
    event = _runnable(event_id)
    try:
        order = db.read(lambda c: _order(c, errand, event, params, start_delay_seconds, claim))
        job_id, _ = launching.launch(order)
    except ApiError as error:
        reason = error.description.removeprefix("Failed to launch job: ")
        raise BadRequest(_REFUSED + reason, code="event") from error
    return job_id


def _claim(errand: Errand, event_id: str) -> Claim:
    """What makes the launch happen once; it outlives the child's record, which may be deleted."""
    digest = hashlib.sha256(f"errand {errand.id} {event_id}".encode()).hexdigest()
    return Claim(digest, digest, since=0)


def _runnable(event_id: str) -> Document:
    event = db.read(lambda connection: Event.get(connection, event_id))
    if event is None:
        raise BadRequest(f"Event not found: {event_id}", code="event")
    triggers = event.get("triggers", [])
    if not any(item.get("type") == "manual" and item.get("enabled") for item in triggers):
        raise BadRequest(f"Event does not allow manual job runs: {event_id}", code="event")
    if not event.get("enabled"):
        raise BadRequest(f"{_REFUSED}Event is disabled: {event['title']}", code="event")
    return event


def _order(
    connection: sa.Connection,
    errand: Errand,
    event: Document,
    params: Mapping[str, Any],
    delay_seconds: float,
    claim: Claim,
) -> Order:
    job = errand.job
    plugin = Plugin.get(connection, event["plugin"])
    given = {key: value for key, value in params.items() if override_of(key) is None}
    filled = events.fill_params(event, plugin, given, is_admin=False)
    check_run_fields(event, filled)
    parent = {"job": job["id"], "event": job["event"]}
    parent |= {key: job[key] for key in ("code", "description") if key in job}
    merged = {**copy.deepcopy(event), "params": filled, "parent": parent}
    if job.get("tickets"):
        merged["tickets"] = job["tickets"]
    return Order(
        merged=merged,
        job_input={"data": job.get("data") or {}, "files": job.get("files") or []},
        source="action",
        username=_username(connection, job),
        check_access=_anybody,
        claim=claim,
        start_delay=delay_seconds,
    )


def _username(connection: sa.Connection, job: Document) -> str:
    """On whose account the child runs: the author of the event whose job launches it."""
    event = Event.get(connection, job["event"]) or job
    return str(event.get("username") or "")


def _anybody(_document: Document) -> None:
    """Who may write an event's actions decides what they run."""
