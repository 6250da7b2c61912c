"""Ticks: the runs that triggers ask for, each launched once, whoever asks and how often."""

import copy
import hashlib
import logging
from dataclasses import dataclass, field, replace
from typing import Any

import sqlalchemy as sa

from core.errors import ApiError
from core.javascript import is_truthy
from models.category import Category
from models.database import db
from models.plugin import Plugin
from services import events, launching
from services.idempotency import Claim
from services.orders import Order
from services.plans import Hit, Plan
from services.transitions import State

logger = logging.getLogger(__name__)

Document = dict[str, Any]


def may_run(connection: sa.Connection, event: Document) -> bool:
    """Whether an event may run by itself now: it, its category and its plugin are enabled."""
    parts = (Category.get(connection, event["category"]), Plugin.get(connection, event["plugin"]))
    return all(part and part.get("enabled") for part in (event, *parts))


@dataclass(frozen=True)
class Verdict:
    """What a trigger plugin says of a run that it lets happen."""

    plugin: str
    #: Seconds that the job waits before it starts.
    delay: float = 0.0
    #: What is added to its input.
    data: Document = field(default_factory=dict)
    invisible: bool = False


def launch(event: Document, plan: Plan, hit: Hit, verdict: Verdict | None = None) -> str:
    """Launch the run that a trigger asks for at one moment; the id of the job that it has.

    Raises `ApiError` where it can't be launched.
    """
    claim = _claim(event, hit)
    before = db.read(claim.job_before)
    if before is not None:
        return before
    order = db.read(lambda connection: _order(connection, event, plan, hit, claim))
    if verdict is not None:
        order = _judged(order, hit, verdict)
    job_id, _ = launching.launch(order)
    return job_id


def launch_or_log(event: Document, plan: Plan, hit: Hit) -> None:
    """`launch()`; that it can't be done is for the log."""
    try:
        launch(event, plan, hit)
    except ApiError as error:
        logger.warning("event %s was not launched: %s", event["id"], error.description)


def _claim(event: Document, hit: Hit) -> Claim:
    """What makes the launch happen once: event, trigger and moment."""
    text = f"tick {event['id']} {hit.trigger.get('id') or hit.place} {hit.now:.3f}"
    digest = hashlib.sha256(text.encode()).hexdigest()
    return Claim(digest, digest, since=0)


def _order(connection: sa.Connection, event: Document, plan: Plan, hit: Hit, claim: Claim) -> Order:
    trigger = hit.trigger
    given = trigger.get("params")
    plugin = Plugin.get(connection, event["plugin"])
    params = events.fill_params(
        event, plugin, given if isinstance(given, dict) else {}, is_admin=False
    )
    merged = {**copy.deepcopy(event), "params": params, "now": hit.now}
    source = "startup" if trigger["type"] == "startup" else "scheduler"
    if source == "scheduler" and trigger["type"] != "schedule":
        merged["stype"] = trigger["type"]
    if isinstance(trigger.get("tags"), list):
        merged["tags"] = [*merged.get("tags", []), *trigger["tags"]]
    if hit.until is not None:
        merged |= {"state": State.START_DELAY, "until": hit.until}
    return Order(
        merged=merged if source == "startup" else merged | _quiet(plan),
        job_input=_input(trigger.get("data")),
        source=source,
        username=str(event.get("username") or ""),
        check_access=_anybody,
        claim=claim,
    )


def _judged(order: Order, hit: Hit, verdict: Verdict) -> Order:
    """The order as the plugin wants it: a delay of its own, more input, seen unless it says so."""
    merged = {**order.merged, "splugin": verdict.plugin}
    merged.pop("invisible", None)
    if verdict.delay:
        merged |= {"state": State.START_DELAY, "until": hit.now + verdict.delay}
    if verdict.invisible:
        merged["invisible"] = True
    data = {**(order.job_input or {}).get("data", {}), **verdict.data}
    job_input = {"data": data} if data else None
    return replace(order, merged=merged, job_input=job_input, source="plugin")


def _quiet(plan: Plan) -> Document:
    """How visible the event's jobs are when they run by themselves."""
    quiet = plan.modifier("quiet") or {}
    return {mode: True for mode in ("invisible", "ephemeral") if is_truthy(quiet.get(mode))}


def _input(data: Any) -> Document | None:
    """A trigger's data as a job's input; a list goes under a name."""
    if isinstance(data, list):
        data = {"items": data}
    return {"data": data} if isinstance(data, dict) and data else None


def _anybody(_document: Document) -> None:
    """Who may write an event's triggers decides what they run."""
