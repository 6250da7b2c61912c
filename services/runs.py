"""Runs by callers: resolves the event and what the caller wishes, and has the job launched."""

import copy
from collections.abc import Mapping, Sequence
from typing import Any

import sqlalchemy as sa

from core.errors import BadRequest, NotFound
from models.database import db
from models.plugin import Plugin
from schemas.event import check_event
from schemas.fields import check_run_fields
from schemas.run import Upload
from services import events, files, idempotency, launching
from services.access import Caller
from services.idempotency import Claim
from services.orders import Order
from services.overrides import NOT_FROM_CALLERS

Document = dict[str, Any]


def run(
    params: Mapping[str, Any],
    uploads: Sequence[Upload],
    caller: Caller,
    idempotency_key: str | None = None,
) -> str:
    """Accept one run of an event; returns the id of its job.

    `params` are the request's, `id` or `title` naming the event. Raises `ApiError` with the
    reason, and then nothing is left behind. When this returns, the job is in the database. The
    same request with the same `idempotency_key` brings the same job.
    """
    launching.check_disk()
    test = bool(params.get("test"))
    wishes = {key: value for key, value in params.items() if key not in NOT_FROM_CALLERS}
    event = db.read(lambda connection: _event(connection, wishes))
    owner = ("key" if caller.is_key else "user", caller.id, event["id"])
    claim = idempotency.claim(idempotency_key, owner, params, uploads)
    before = _accepted_before(claim, event, caller)
    if before is not None:
        return before
    _check_runnable(event, wishes, test, caller)
    request = {key: value for key, value in wishes.items() if key not in ("id", "title")}
    merged = db.read(lambda connection: _merge(connection, event, request, caller))
    if "post_data" in params:
        merged["post_data"] = params["post_data"]
    order = Order(
        merged=merged,
        job_input=request.get("input"),
        source=caller.run_source,
        username=caller.run_username,
        check_access=caller.check,
        test=test,
        claim=claim,
    )
    return launching.launch_with_files(order, lambda: files.store_uploads(uploads, caller))


def _event(connection: sa.Connection, wishes: Mapping[str, Any]) -> Document:
    event = events.find(connection, wishes.get("id"), wishes.get("title"))
    if event is None:
        raise NotFound(f"Event not found: {events.criteria_text(wishes)}", code="event")
    return event


def _accepted_before(claim: Claim | None, event: Document, caller: Caller) -> str | None:
    """The job that this request has brought already; its caller must still have access."""
    job_id = idempotency.accepted_before(claim)
    if job_id is not None:
        caller.check(event)
    return job_id


def _check_runnable(event: Document, wishes: Mapping[str, Any], test: bool, caller: Caller) -> None:
    """Raise unless the event may be run by hand and the caller has access to it."""
    if not test:
        if not any(_is_manual(trigger) for trigger in event.get("triggers", [])):
            text = f"Event does not allow manual job runs: {event['id']}"
            raise BadRequest(text, code="event")
        if not event.get("enabled"):
            raise BadRequest(f"Event is disabled: {event['id']}", code="event")
    caller.check(event)
    if isinstance(wishes.get("targets"), list):
        caller.check({"category": event["category"], "targets": wishes["targets"]})


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
