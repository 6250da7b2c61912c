"""Trigger plugins: commands that decide whether an event runs when its triggers say so."""

import logging
from collections.abc import Sequence
from datetime import datetime
from typing import Any
from zoneinfo import ZoneInfo

import sqlalchemy as sa

from core import json
from core.calendars import from_end
from core.errors import ApiError
from core.javascript import is_truthy
from core.sealing import SealError
from core.zones import local_zone
from models.database import db
from models.event import Event
from models.job import Job, is_live
from services import audit, secrets, ticks
from services.errand import Errand, Outcome, Ran
from services.orders import delay_seconds
from services.plans import Hit, Plan
from services.plugin_processes import UnreadyError, params_of, process_of, ready, variables
from services.ticks import Verdict

logger = logging.getLogger(__name__)

Document = dict[str, Any]

#: How long a plugin may think, seconds.
_SECONDS = 30.0
_MOST_ACTIVE = 1000


class _Failure(Exception):
    """The plugin gave no answer; the message says why."""


def question(event: Document, plugin_id: str, hits: Sequence[Hit]) -> Document:
    """What is to be asked about an event's coming runs, as it is kept until it is answered."""
    return {
        "event": event["id"],
        "plugin_id": plugin_id,
        "hits": [{"place": hit.place, "minute": hit.minute, "now": hit.now} for hit in hits],
    }


def ask(errand: Errand) -> Outcome:
    """Ask the event's plugin, and launch the runs that it lets happen."""
    event = db.read(lambda connection: Event.get(connection, errand.action["event"]))
    plan = Plan(event, local_zone()) if event and event.get("enabled") else None
    trigger = plan.modifier("plugin") if plan else None
    hits = _hits(plan, errand.action["hits"]) if plan else []
    if event is None or plan is None or trigger is None or not hits:
        # It was changed meanwhile.
        return Outcome({})
    plugin_id = str(trigger.get("plugin_id"))
    try:
        answers = _answers(errand, event, trigger, hits)
    except _Failure as failure:
        _warn(event, str(failure))
        return Outcome({})
    for hit, answer in zip(hits, answers, strict=False):
        verdict = _verdict(plugin_id, answer)
        if verdict is not None:
            _launch(event, plan, hit, verdict)
    return Outcome({})


def _hits(plan: Plan, kept: Sequence[Document]) -> list[Hit]:
    """The runs that were to be asked about, but for those that are not planned any more."""
    wanted = {(item["place"], item["now"]) for item in kept}
    minutes = sorted({item["minute"] for item in kept})
    planned = (hit for minute in minutes for hit in plan.hits(minute))
    return [hit for hit in planned if (hit.place, hit.now) in wanted]


def _answers(errand: Errand, event: Document, trigger: Document, hits: Sequence[Hit]) -> list[Any]:
    """What the plugin says to each run, in this order; raises `_Failure`."""
    plugin_id = str(trigger.get("plugin_id"))
    try:
        plugin = ready(plugin_id, "scheduler")
        given = secrets.assigned("plugins", plugin_id, errand.settings)
    except (UnreadyError, SealError) as error:
        raise _Failure(f"Failed to launch Trigger Plugin: {plugin_id}: {error}") from None
    params = params_of(trigger.get("params"), plugin)
    environment, _ = variables(plugin, params, {}, given, errand.settings)
    stdin = json.dumps(_message(errand, event, {**trigger, "params": params}, hits, given)) + "\n"
    process = process_of(plugin, stdin, environment, _SECONDS, given)
    return _items(plugin_id, errand.run(errand, process))


def _message(
    errand: Errand, event: Document, trigger: Document, hits: Sequence[Hit], given: Document
) -> Document:
    """What the plugin reads on stdin."""
    job = {key: value for key, value in event.items() if key != "triggers"}
    return {
        "xy": 1,
        "type": "trigger",
        "items": [
            {**trigger, **_when(hit), "now": hit.now, "job": {**job, "now": hit.now}}
            for hit in hits
        ],
        "secrets": given,
        "base_url": errand.settings["BASE_URL"],
        "active_jobs": db.read(lambda connection: _active_jobs(connection, event["id"])),
    }


def _when(hit: Hit) -> Document:
    """The moment as the clocks show it where the trigger is."""
    name = hit.trigger.get("timezone")
    wall = datetime.fromtimestamp(hit.now, ZoneInfo(name) if name else local_zone())
    return {
        "timezone": name or "",
        "dargs": {
            "year": wall.year,
            "month": wall.month,
            "day": wall.day,
            "weekday": wall.isoweekday() % 7,
            "hour": wall.hour,
            "minute": wall.minute,
            "rday": from_end(wall.date()),
        },
    }


def _active_jobs(connection: sa.Connection, event_id: str) -> list[Document]:
    """The event's live jobs."""
    query = sa.select(Job.id, Job.state).where(Job.event == event_id, is_live())
    rows = connection.execute(query.order_by(Job.seq).limit(_MOST_ACTIVE))
    return [{"id": row.id, "event": event_id, "state": row.state} for row in rows]


def _items(plugin_id: str, ran: Ran) -> list[Any]:
    """The plugin's answers; raises `_Failure` where it gave none."""
    reason = ran.failure or (f"exited with code: {ran.ended}" if ran.ended else None)
    if reason:
        raise _Failure(f"Failed to launch Trigger Plugin: {plugin_id}: {reason}")
    items = ran.message.get("items")
    if not isinstance(items, list):
        text = "missing required JSON properties"
        raise _Failure(f"Unexpected result from Trigger Plugin: {plugin_id} ({text})")
    return items


def _verdict(plugin_id: str, answer: Any) -> Verdict | None:
    """What an answer means; nothing where the run is not to happen."""
    if not isinstance(answer, dict):
        return Verdict(plugin_id) if answer is True else None
    if not is_truthy(answer.get("launch")):
        return None
    data = answer.get("data")
    return Verdict(
        plugin_id,
        delay_seconds(answer.get("delay")),
        data if isinstance(data, dict) else {},
        is_truthy(answer.get("invisible")),
    )


def _launch(event: Document, plan: Plan, hit: Hit, verdict: Verdict) -> None:
    try:
        ticks.launch(event, plan, hit, verdict)
    except ApiError as error:
        _warn(event, error.description)


def _warn(event: Document, text: str) -> None:
    """Say in the transaction log what kept an event from running."""
    logger.warning("event %s was not launched: %s", event["id"], text)
    audit.warn(text, [event["id"]])
