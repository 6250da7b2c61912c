"""Startup triggers: events that run once when the server has started."""

import logging
import os
import time
from itertools import chain
from typing import Any

from core import clock, json
from core.errors import ApiError
from core.javascript import is_truthy
from core.zones import local_zone
from models.event import Event
from services import ticks
from services.documents import Listing
from services.plans import Hit, Plan

logger = logging.getLogger(__name__)

Document = dict[str, Any]

#: Who begins to lead later than this after the start of the server has not started with it.
_LATEST_SECONDS = 300.0
#: Set by the supervisor: an engine that was started again has not started the server.
VARIABLE = "SWITCHYARD_STARTED"


def started() -> float:
    """When the server was started, Unix seconds: for an engine of its own, when that was."""
    try:
        return float(os.environ[VARIABLE])
    except (KeyError, ValueError):
        return time.time()


def run(start: float) -> None:
    """Launch the events with a startup trigger, each once however often this is done."""
    if not 0 <= clock.now() - start <= _LATEST_SECONDS:
        return
    for event in map(json.loads, chain.from_iterable(Listing(Event))):
        for place, trigger in enumerate(event.get("triggers") or ()):
            if trigger["type"] == "startup" and is_truthy(trigger.get("enabled")):
                _launch(event, Hit(trigger, place, int(start), start))


def _launch(event: Document, hit: Hit) -> None:
    if not event.get("enabled"):
        return
    try:
        ticks.launch(event, Plan(event, local_zone()), hit)
    except ApiError as error:
        logger.warning("event %s was not launched: %s", event["id"], error.description)
