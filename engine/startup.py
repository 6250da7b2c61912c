"""Startup triggers: events that run once when the server has started."""

import os
import time
from itertools import chain

from core import clock, json
from core.javascript import is_truthy
from core.zones import local_zone
from models.event import Event
from services import ticks
from services.documents import Listing
from services.plans import Hit, Plan

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
    enabled = Listing(Event, lambda event: bool(event.get("enabled")))
    for event in map(json.loads, chain.from_iterable(enabled)):
        for place, trigger in enumerate(event.get("triggers") or ()):
            if trigger["type"] == "startup" and is_truthy(trigger.get("enabled")):
                hit = Hit(trigger, place, int(start), start)
                ticks.launch_or_log(event, Plan(event, local_zone()), hit)
