"""Magic links: runs of an event by whoever has its link, without any other credentials."""

import copy
import hmac
from collections.abc import Mapping, Sequence
from typing import Any

import sqlalchemy as sa

from core import clock
from core.errors import BadRequest
from core.formats import size_text
from models.category import Category
from models.database import db
from models.event import Event
from models.magic_link import MagicLink, magic_triggers
from models.plugin import Plugin
from schemas.fields import check_run_fields
from schemas.parameters import check_values
from schemas.run import Upload
from services import events, files, idempotency, job_views, launching
from services.orders import Order

Document = dict[str, Any]


def find(token: str) -> Document:
    """The event that a link's token opens; raises `BadRequest`.

    One query for a token that is not known: anybody may try some.
    """
    event = db.read(lambda connection: _event_of(connection, token))
    if event is None or not any(_opens(trigger, token) for trigger in magic_triggers(event)):
        raise BadRequest("Authentication failed.")
    if not event.get("enabled"):
        raise BadRequest(f"Event is disabled: {event['title']}", code="event")
    return event


def _event_of(connection: sa.Connection, token: str) -> Document | None:
    event_id = MagicLink.event_of(connection, token)
    return None if event_id is None else Event.get(connection, event_id)


def _opens(trigger: Mapping[str, Any], token: str) -> bool:
    known = str(trigger["token"]).encode("utf-8", "replace")
    return bool(trigger.get("enabled")) and hmac.compare_digest(known, token.encode())


def run(
    event: Document,
    params: Mapping[str, Any],
    job_input: Document | None,
    uploads: Sequence[Upload],
    idempotency_key: str | None = None,
) -> tuple[str, str]:
    """Accept a run of an event that `find()` returned; its job's id, and its stream's token.

    All `params` become parameters of the job; those that the plugin has locked are the event's.
    """
    launching.check_disk()
    owner = ("magic", event["id"])
    claim = idempotency.claim(idempotency_key, owner, {"p": params, "i": job_input}, uploads)
    job_id = idempotency.accepted_before(claim)
    if job_id is None:
        merged = db.read(lambda connection: _merge(connection, event, params, uploads))
        order = Order(
            merged=merged,
            job_input=job_input,
            source="magic",
            username=str(event.get("username") or ""),
            check_access=_anybody,
            claim=claim,
        )
        job_id = launching.launch_with_files(order, lambda: files.store_magic_uploads(uploads))
    return job_id, job_views.token_of(job_id, "stream", clock.now())


def _anybody(_document: Document) -> None:
    """A link has no limits to categories or groups."""


def _merge(
    connection: sa.Connection,
    event: Document,
    params: Mapping[str, Any],
    uploads: Sequence[Upload],
) -> Document:
    """The event with these parameters; raises `BadRequest` for those that it does not allow."""
    plugin = Plugin.get(connection, event["plugin"]) or {}
    filled = events.fill_params(event, plugin or None, dict(params), is_admin=False)
    check_values(plugin.get("params"), filled, "Plugin: ")
    check_run_fields(event, filled)
    if uploads:
        category = Category.get(connection, event["category"]) or {}
        _check_files(uploads, [*event.get("limits", []), *category.get("limits", [])])
    return {**copy.deepcopy(event), "params": filled}


def _check_files(uploads: Sequence[Upload], limits: Sequence[Document]) -> None:
    """Keep to the event's `file` limit or, where it has none, its category's."""
    limit: Document = next(
        (item for item in limits if item.get("type") == "file" and item.get("enabled")), {}
    )
    most = limit.get("amount")
    if most is not None and len(uploads) > most:
        if not most:
            raise BadRequest("Event does not allow file uploads.", code="event")
        raise BadRequest(f"Uploaded file count exceeds limit ({most}).", code="event")
    largest = limit.get("size")
    if largest and sum(upload.size_bytes for upload in uploads) > largest:
        text = f"Uploaded file total size exceeds limit ({size_text(largest)})"
        raise BadRequest(text, code="event")
