"""Events: what can be run; creating, finding, changing and deleting them."""

import copy
import re
from collections.abc import Mapping, Sequence
from functools import cache
from typing import Any

import sqlalchemy as sa

from core import clock
from core.errors import Conflict, NotFound
from core.ids import new_id
from core.javascript import is_truthy, to_string
from models import live_jobs
from models.category import Category
from models.database import db
from models.document import DocumentTable
from models.event import Event
from models.event_state import EventState
from models.job import Job
from models.plugin import Plugin
from models.tag import Tag
from schemas.event import check_event, check_new
from schemas.parameters import defaults, locked_ids
from schemas.references import Lookup, References
from services import audit, doorbell, event_jobs, job_views
from services.access import Caller
from services.documents import Listing
from services.event_triggers import stored_triggers, with_defaults
from services.filters import loosely_equal

Document = dict[str, Any]

#: How a process is started is the plugin's business alone; scheduling state is no part of events.
_NOT_STORED = ("command", "script", "uid", "gid", "cwd", "env", "kill", "runner", "update_state")
#: What only we set.
_OURS = ("type", "username", "created", "modified", "revision")
_LISTS = ("triggers", "limits", "actions", "fields")
_ID = re.compile(r"\w+", re.ASCII)


def validate_new(params: Mapping[str, Any]) -> Document:
    """The complete event that the caller asks for; raises `BadRequest`.

    Done before the caller is known, as the API has it.
    """
    check_new(params)
    event = _without(params, (*_NOT_STORED, *_OURS))
    event["id"] = event.get("id") or new_id("e")
    event.setdefault("params", {})
    for key in _LISTS:
        event.setdefault(key, [])
    event["triggers"] = with_defaults(event["triggers"], event["fields"])
    db.read(lambda connection: check_event(event, references(connection)))
    event["triggers"] = stored_triggers(event["triggers"], event["id"])
    return event


def create(
    event: Mapping[str, Any], caller: Caller, state: Mapping[str, Any] | None = None
) -> Document:
    """Store an event that `validate_new()` returned; returns it as stored.

    `state` is what the scheduler is to remember of it.
    """
    caller.check(event)
    now = int(clock.now())
    stored = {**event, "username": caller.name, "modified": now, "created": now, "revision": 1}

    def work(connection: sa.Connection) -> None:
        if not caller.is_admin:
            plugin = Plugin.get(connection, stored["plugin"])
            stored["params"] = _relocked(stored["params"], plugin, None)
        if not Event.insert(connection, stored):
            raise Conflict(f"That Event ID already exists: {stored['id']}", code="event")
        if state:
            EventState.merge(connection, stored["id"], state)
        _record(connection, caller, "event_create", stored)

    db.write(work)
    return stored


def update(params: Mapping[str, Any], caller: Caller) -> Document:
    """Merge `params` into the event that their `id` names; returns the whole event.

    Arrays and `params` are replaced as a whole. With a `revision`, the event must still have it.
    """

    def work(connection: sa.Connection) -> Document:
        old = _for_change(connection, params["id"])
        event = _merged(connection, old, params)
        caller.check(old)
        _check_revision(params.get("revision"), old)
        if not caller.is_admin:
            plugin = Plugin.get(connection, event["plugin"])
            event["params"] = _relocked(event["params"], plugin, old)
        caller.check(event)
        event |= {"modified": int(clock.now()), "revision": old["revision"] + 1}
        Event.replace(connection, event)
        if params.get("update_state"):
            EventState.merge(connection, event["id"], params["update_state"])
        _record(connection, caller, "event_update", event)
        return event

    event = db.write(work)
    doorbell.ring()
    return event


def changed(connection: sa.Connection, event: Document, changes: Mapping[str, Any]) -> Document:
    """The event as it would be after changes by nobody in particular; raises `BadRequest`."""
    after = _merged(connection, event, _without(changes, ("id",)))
    plugin = Plugin.get(connection, after["plugin"])
    return after | {"params": _relocked(after["params"], plugin, event)}


def _merged(connection: sa.Connection, old: Document, params: Mapping[str, Any]) -> Document:
    """The sound event that these parameters make of another."""
    event = {**old, **_without(params, (*_NOT_STORED, *_OURS))}
    event["triggers"] = with_defaults(event["triggers"], event["fields"])
    check_event(event, references(connection))
    event["triggers"] = stored_triggers(event["triggers"], event["id"])
    return event


def delete(event_id: str, caller: Caller, delete_jobs: bool = False) -> None:
    """Delete an event that has no live jobs; with `delete_jobs`, its finished ones go too."""

    def work(connection: sa.Connection) -> None:
        event = _for_change(connection, event_id)
        caller.check(event)
        count = live_jobs.count_of_event(connection, event_id)
        if count:
            text = f"Failed to delete event: {count} active jobs found"
            raise Conflict(text, code="event")
        Event.delete(connection, event_id)
        EventState.delete(connection, event_id)
        _record(connection, caller, "event_delete", event)

    db.write(work)
    doorbell.ring()
    if delete_jobs:
        event_jobs.delete_finished(event_id)


def get(event_id: str, caller: Caller) -> Document:
    """The event, its active jobs that the caller may see, and how many jobs are queued."""

    def load(connection: sa.Connection) -> tuple[Document | None, Sequence[Any], int]:
        conditions = (Job.event == event_id, Job.state == "active")
        return (
            Event.get(connection, event_id),
            live_jobs.live_rows(connection, *conditions),
            live_jobs.count_of_event(connection, event_id, "queued"),
        )

    event, rows, queued = db.read(load)
    if event is None:
        raise NotFound(f"Failed to locate event: {event_id}")
    caller.check(event)
    jobs = [job_views.live_document(row) for row in rows]
    return {"event": event, "jobs": list(filter(caller.may_see, jobs)), "queued": queued}


def listing(filters: Mapping[str, Any], caller: Caller) -> Listing:
    """The events that match all filters and that the caller may see, oldest first."""

    def keep(event: Document) -> bool:
        matches = all(loosely_equal(value, event.get(key)) for key, value in filters.items())
        return matches and caller.may_see(event)

    return Listing(Event, keep if filters or not caller.is_unlimited else None)


def find(connection: sa.Connection, event_id: Any, title: Any) -> Document | None:
    """The event with this id or, where no id is given, the oldest one with this title."""
    if is_truthy(event_id):
        return _lookup(connection, Event)(to_string(event_id))
    text = to_string(title)
    # PostgreSQL takes no NUL, and no title has one.
    return None if "\0" in text else Event.by_title(connection, text)


def criteria_text(criteria: Mapping[str, Any]) -> str:
    """How a message names the event that a request asked for."""
    key = "id" if is_truthy(criteria.get("id")) else "title"
    return to_string(criteria.get(key))


def references(connection: sa.Connection) -> References:
    """The records that an event may name, read as they are asked for."""
    return References(
        category=_lookup(connection, Category),
        plugin=_lookup(connection, Plugin),
        event=_lookup(connection, Event),
        tag_ids=lambda: frozenset(tag["id"] for tag in Tag.all(connection)),
    )


def fill_params(
    event: Mapping[str, Any], plugin: Document | None, params: Mapping[str, Any], *, is_admin: bool
) -> Document:
    """A run's parameters: the caller's, then the event's, then the defaults of its fields.

    `plugin` is the one that will run. Only administrators may change what it has locked.
    """
    own = {name: value for _, name, value in defaults(event.get("fields"))}
    filled = {**copy.deepcopy(own | event["params"]), **params}
    return filled if is_admin else _relocked(filled, plugin, event)


def _relocked(
    params: Mapping[str, Any], plugin: Document | None, event: Mapping[str, Any] | None
) -> Document:
    """Parameters with the plugin's locked ones as `event` has them.

    Without an event, or with one of another plugin, they get the plugin's defaults.
    """
    if plugin is None:
        return dict(params)
    definitions = plugin.get("params")
    if event is not None and event["plugin"] == plugin["id"]:
        source = event["params"]
    else:
        source = {name: value for _, name, value in defaults(definitions)}
    locked = locked_ids(definitions)
    kept = {key: value for key, value in params.items() if key not in locked}
    return kept | {key: source[key] for key in locked if key in source}


def _lookup(connection: sa.Connection, table: type[DocumentTable]) -> Lookup:
    """Finds records of a table by any value; one that is named often is read once."""

    @cache
    def load(key: str) -> Document | None:
        return table.get(connection, key)

    return lambda key: load(key) if isinstance(key, str) and _ID.fullmatch(key) else None


def _without(params: Mapping[str, Any], keys: Sequence[str]) -> Document:
    return {key: value for key, value in params.items() if key not in keys}


def _for_change(connection: sa.Connection, event_id: str) -> Document:
    """The event, locked until the transaction ends."""
    event: Document | None = Event.for_change(connection, event_id)
    if event is None:
        raise NotFound(f"Event not found: {event_id}", code="event")
    return event


def _record(connection: sa.Connection, caller: Caller, action: str, event: Document) -> None:
    audit.record(connection, caller, action, event["title"], [event["id"]], event=event)


def _check_revision(sent: Any, event: Mapping[str, Any]) -> None:
    if is_truthy(sent) and not loosely_equal(sent, event["revision"]):
        text = f"Revision mismatch: {to_string(sent)} != {event['revision']}"
        raise Conflict(f"Event out of date: {event['id']} ({text})", code="event")
