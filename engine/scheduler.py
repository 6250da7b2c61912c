"""The scheduler: launches the runs that triggers ask for, when it is time."""

import logging
import threading
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor, wait
from itertools import islice
from typing import Any

import sqlalchemy as sa
from flask import Flask

from core import clock, json
from core.formats import duration_text
from core.ids import new_id
from core.zones import local_zone
from engine import claims, startup
from engine.performers import TRIGGER_PLUGIN
from engine.turn import Claimed
from models.database import db
from models.errand import Errand
from models.event import Event
from models.event_state import EventState
from models.schedule import CHANGED, Schedule
from services import audit, global_state, ticks, trigger_plugins
from services.plans import MINUTE, Hit, Plan, counts

logger = logging.getLogger(__name__)

Document = dict[str, Any]

#: How often it looks whether an event has changed, seconds.
_LOOK_SECONDS = 0.5
_AFTER_ERROR_SECONDS = 1.0
#: Events that are read at a time.
_BATCH = 100
#: Events that are scheduled at the same time, so that they share commits.
_AT_ONCE = 4
#: Runs that a trigger plugin is asked about at a time.
_ASKED_AT_ONCE = 100


class Scheduler(threading.Thread):
    """A thread of the leading engine that sleeps until the next event is due."""

    def __init__(
        self,
        app: Flask,
        leads: Callable[[], bool],
        submit: Callable[[Sequence[Claimed]], None] = lambda _claimed: None,
    ) -> None:
        """`submit` has errands done that ask trigger plugins."""
        super().__init__(name="scheduler", daemon=True)
        self._submit = submit
        self._app = app
        self._leads = leads
        self._most_missed = app.config["MAX_CATCH_UP"]
        self._server_started = startup.started()
        #: Whether the events that run at the start were launched.
        self._has_started = False
        self._stopping = threading.Event()
        self._pool = ThreadPoolExecutor(_AT_ONCE, "events")

    def stop(self) -> None:
        """End after the events that are being scheduled."""
        self._stopping.set()

    def run(self) -> None:
        """Schedule for as long as this engine leads."""
        with self._app.app_context():
            pause = _LOOK_SECONDS
            while not self._stopping.wait(pause):
                try:
                    pause = self.step() if self._leads() else _LOOK_SECONDS
                except Exception:
                    logger.exception("the scheduler failed")
                    pause = _AFTER_ERROR_SECONDS

    def step(self) -> float:
        """Schedule what is due; how long nothing else is, seconds."""
        if not db.read(global_state.scheduler_is_on):
            return _LOOK_SECONDS
        if not self._has_started:
            startup.run(self._server_started)
            self._has_started = True
        now = clock.now()
        due = db.read(lambda connection: Schedule.find_due(connection, now, _BATCH))
        self._schedule_all(due, now)
        if due:
            return 0.0
        next_due = db.read(Schedule.next_due)
        seconds = _LOOK_SECONDS if next_due is None else next_due - clock.now()
        return max(0.0, min(seconds, _LOOK_SECONDS))

    def _schedule_all(self, due: Sequence[Any], now: float) -> None:
        """Schedule several events; raises what one of them raised, once all were tried."""

        def schedule(row: Any) -> None:
            if self._leads() and not self._stopping.is_set():
                with self._app.app_context():
                    self._schedule(row, now)

        futures = [self._pool.submit(schedule, row) for row in due]
        wait(futures)
        for future in futures:
            future.result()

    def _schedule(self, row: Any, now: float) -> None:
        """Launch an event's runs up to now, and note when the next ones are."""
        event, state, is_on = db.read(lambda connection: _read(connection, row.event))
        if event is None:
            db.write(lambda connection: Schedule.drop(connection, row.event), shared=True)
            return
        plan = Plan(event, local_zone())
        minute = int(now) // MINUTE * MINUTE
        first = _first(plan, row, state, minute)
        hits = self._hits(event, plan, state, first, minute) if is_on else []
        plugin = plan.modifier("plugin")
        asks = [] if plugin is None else _questions(event, str(plugin.get("plugin_id")), hits)
        if plugin is None:
            for hit in hits:
                ticks.launch_or_log(event, plan, hit)
        is_alive = event.get("enabled") and plan.is_scheduled
        due = next(plan.minutes_from(max(first, minute + MINUTE)), None) if is_alive else None
        self._note(event, plan, state, max(minute, first - MINUTE), due, asks)
        self._submit([claims.claimed(ask["id"], "", ask["type"], plugin or {}) for ask in asks])

    def _hits(
        self, event: Document, plan: Plan, state: Document, first: int, last: int
    ) -> list[Hit]:
        """What is due from `first` to `last`; `state` counts every nth time."""
        minutes = list(islice(plan.minutes_until(first, last), self._most_missed + 1))
        if len(minutes) > self._most_missed:
            minutes.pop()
            _tell_skipped(event, len(minutes), first, last)
        found: list[Hit] = []
        for minute in minutes:
            hits = plan.hits(minute)
            if hits and counts(plan, state):
                found += hits
        return found

    @staticmethod
    def _note(
        event: Document,
        plan: Plan,
        state: Document,
        cursor: int,
        due: int | None,
        asks: Sequence[Document],
    ) -> None:
        """Note how far the event is scheduled, and what is to be asked about it."""
        changes: Document = {}
        if plan.modifier("nth") is not None:
            changes["nth"] = state.get("nth")
        if plan.modifier("catchup") is not None:
            changes["cursor"] = cursor

        def work(connection: sa.Connection) -> None:
            Schedule.advance(connection, event["id"], cursor, due)
            Errand.insert(connection, asks)
            if changes:
                EventState.merge(connection, event["id"], changes)

        db.write(work, shared=True)


def _questions(event: Document, plugin_id: str, hits: Sequence[Hit]) -> list[Document]:
    """The rows of the errands that ask the event's plugin about these runs."""
    return [
        {
            "id": new_id("x"),
            "job": "",
            "type": TRIGGER_PLUGIN,
            "condition": "trigger",
            "place": 0,
            "doc": json.dumps(trigger_plugins.question(event, plugin_id, some)),
        }
        for some in _batches(hits)
    ]


def _batches(hits: Sequence[Hit]) -> Iterator[Sequence[Hit]]:
    for start in range(0, len(hits), _ASKED_AT_ONCE):
        yield hits[start : start + _ASKED_AT_ONCE]


def _read(connection: sa.Connection, event_id: str) -> tuple[Document | None, Document, bool]:
    """An event, what is remembered of it, and whether it may run by itself now."""
    event: Document | None = Event.get(connection, event_id)
    if event is None:
        return None, {}, False
    return event, EventState.get(connection, event_id), ticks.may_run(connection, event)


def _first(plan: Plan, row: Any, state: Document, minute: int) -> int:
    """The first minute to look at: this one, unless it is done, or the event has just changed.

    With catch-up it is the first one that was missed.
    """
    cursor: int = minute if row.cursor is None else row.cursor
    if plan.modifier("catchup") is not None:
        told: Any = state.get("cursor")
        is_time = isinstance(told, (int, float)) and not isinstance(told, bool)
        return (int(told) // MINUTE * MINUTE if is_time else cursor) + MINUTE
    return max(minute + MINUTE if row.due == CHANGED else minute, cursor + MINUTE)


def _tell_skipped(event: Document, made_up: int, first: int, last: int) -> None:
    """Say in the transaction log which runs nobody makes up for any more."""
    span = duration_text(last - first)
    text = (
        f"Event missed more than {made_up} runs in {span}: those after them are skipped: "
        f"{event['title']}"
    )
    logger.warning("%s (#%s)", text, event["id"])
    audit.warn(text, [event["id"]])
