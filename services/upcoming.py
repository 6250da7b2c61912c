"""Upcoming jobs: what the scheduler is going to run, and when."""

import heapq
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import partial
from itertools import islice
from typing import Any
from zoneinfo import ZoneInfo

import sqlalchemy as sa

from core import clock
from core.aside import aside
from core.errors import NotFound
from core.zones import local_zone
from models.database import db
from models.event import Event
from models.event_state import EventState
from models.schedule import Schedule
from services import global_state, ticks
from services.access import Caller
from services.plans import MINUTE, Hit, Plan, counts

Document = dict[str, Any]

#: Events that are read at a time.
_BATCH = 200
#: So many minutes of events that run every so many times only are counted through.
_MOST_COUNTED = 100_000


@dataclass(frozen=True)
class Window:
    """Which jobs are asked for: from one moment to another, Unix seconds, and how many."""

    start: float
    end: float
    limit: int


@dataclass(frozen=True)
class _Due:
    """An event that runs by itself, what is remembered of it, and when it is due next."""

    event: Document
    state: Document
    due: int


def jobs(window: Window, caller: Caller, event_id: str | None = None) -> list[Document]:
    """The runs in the window in order of time, of one event or of all that the caller may see.

    Raises `NotFound` for an event that is not there. While the scheduler is off there are none.
    """
    if event_id is not None:
        event = db.read(lambda connection: Event.get(connection, event_id))
        if event is None:
            raise NotFound(f"Event not found: {event_id}", code="event")
        caller.check(event)
    found: list[tuple[float, str, Document]] = []
    for batch in _batches(window, event_id):
        seen = [item for item in batch if caller.may_see(item.event)]
        found += aside(_rows, seen, window)
        found = heapq.nsmallest(window.limit, found, key=_order)
        if len(found) == window.limit and batch and batch[-1].due > found[-1][0]:
            # Whatever is due later runs later.
            break
    return [row for _, _, row in found]


def _batches(window: Window, event_id: str | None) -> Iterator[list[_Due]]:
    """The events that are due in time, some at a time."""
    after: tuple[int, str] | None = (-1, "") if db.read(global_state.scheduler_is_on) else None
    while after is not None:
        batch, after = db.read(partial(_batch, window, event_id, after))
        yield batch


def _batch(
    window: Window, event_id: str | None, after: tuple[int, str], connection: sa.Connection
) -> tuple[list[_Due], tuple[int, str] | None]:
    """The events at the next places, and the last place, unless there are no more."""
    rows = Schedule.due_until(connection, window.end, after, _BATCH, event_id)
    found = [_due(connection, row) for row in rows]
    last = (rows[-1].due, rows[-1].event) if len(rows) == _BATCH else None
    return [item for item in found if item is not None], last


def _due(connection: sa.Connection, row: Any) -> _Due | None:
    """The event, unless it does not run by itself as things are."""
    event = Event.get(connection, row.event)
    if event is None or not ticks.may_run(connection, event):
        return None
    return _Due(event, EventState.get(connection, event["id"]), row.due)


def _rows(found: Sequence[_Due], window: Window) -> list[tuple[float, str, Document]]:
    """The first runs of these events, each with its time and its event's id."""
    streams = [_runs(item, window) for item in found]
    return list(islice(heapq.merge(*streams, key=_order), window.limit))


def _order(run: tuple[float, str, Document]) -> tuple[float, str]:
    return run[:2]


def _runs(item: _Due, window: Window) -> Iterator[tuple[float, str, Document]]:
    zone = local_zone()
    plan = Plan(item.event, zone)
    plugin = plan.modifier("plugin")
    for hit in _hits(plan, item, window):
        yield hit.now, item.event["id"], _row(item.event, hit, plugin, zone)


def _hits(plan: Plan, item: _Due, window: Window) -> Iterator[Hit]:
    """The runs of one event in the window, in order of time."""
    first = max(item.due, int(clock.now()) // MINUTE * MINUTE)
    counted = plan.modifier("nth") is not None
    if not counted:
        first = max(first, int(window.start) // MINUTE * MINUTE)
    state = dict(item.state)
    for number, minute in enumerate(plan.minutes_until(first, int(window.end))):
        if counted and number >= _MOST_COUNTED:
            return
        if counts(plan, state):
            for hit in sorted(plan.hits(minute), key=lambda hit: hit.now):
                if window.start <= hit.now <= window.end:
                    yield hit


def _row(event: Document, hit: Hit, plugin: Document | None, zone: Any) -> Document:
    name = hit.trigger.get("timezone")
    local = datetime.fromtimestamp(hit.now, ZoneInfo(name) if name else zone)
    return {
        "event": event["id"],
        "title": event["title"],
        "category": event["category"],
        "trigger": hit.trigger.get("id") or hit.place,
        "type": hit.trigger["type"],
        "now": hit.now,
        **({} if hit.until is None else {"until": hit.until}),
        **({} if plugin is None else {"plugin": plugin["plugin_id"]}),
        "utc": datetime.fromtimestamp(hit.now, UTC).isoformat(),
        "local": local.isoformat(),
    }
