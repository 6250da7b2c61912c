"""Triggers as they are stored: with their parameters filled in, times in minutes, keys hashed."""

import hashlib
from collections.abc import Mapping, Sequence
from typing import Any

from core import json
from core.errors import BadRequest
from core.javascript import is_truthy, to_string
from schemas.checks import MAX_ENTRIES
from schemas.parameters import defaults

Trigger = dict[str, Any]

#: What the defaults in all triggers of an event may add up to, as JSON.
_MAX_DEFAULTS_CHARS = 4 * 1024 * 1024
#: Types that run without asking a user, so that they need a value for every field.
_WITH_PARAMS = ("schedule", "single", "interval", "startup", "keyboard")
#: Which times each type has.
_TIMES = {"single": ("epoch",), "range": ("start", "end"), "blackout": ("start", "end")}


def with_defaults(triggers: Any, fields: Any) -> Any:
    """Triggers with the default of each field that they have no value for.

    Hidden fields always have their default. Works on anything, because it runs before the event
    is checked; raises `BadRequest` where a small event would become a huge one.
    """
    own = list(defaults(fields))
    if not isinstance(triggers, list) or not own or len(own) > MAX_ENTRIES:
        return triggers
    takers = sum(map(_takes_params, triggers))
    if takers * len(json.dumps([value for *_, value in own])) > _MAX_DEFAULTS_CHARS:
        raise BadRequest("Malformed event parameter: triggers (default values are too large)")
    return [_filled(trigger, own) if _takes_params(trigger) else trigger for trigger in triggers]


def _takes_params(trigger: Any) -> bool:
    if not isinstance(trigger, dict) or trigger.get("type") not in _WITH_PARAMS:
        return False
    return isinstance(trigger.get("params", {}), dict)


def _filled(trigger: Trigger, own: Sequence[tuple[Mapping[str, Any], str, Any]]) -> Trigger:
    params = dict(trigger.get("params", {}))
    for field, name, value in own:
        if name not in params or field.get("type") == "hidden":
            params[name] = value
    return {**trigger, "params": params}


def stored_triggers(triggers: list[Trigger], event_id: str) -> list[Trigger]:
    """Valid triggers in the form in which they are kept."""
    return [_with_token(_in_minutes(trigger), event_id) for trigger in triggers]


def _in_minutes(trigger: Trigger) -> Trigger:
    """Whole minutes are all that the scheduler knows."""
    times = {
        key: int(trigger[key]) // 60 * 60
        for key in _TIMES.get(trigger["type"], ())
        if trigger.get(key)
    }
    return trigger | times


def _with_token(trigger: Trigger, event_id: str) -> Trigger:
    """A magic trigger's key is only kept as a hash, bound to the event."""
    if trigger["type"] != "magic" or "key" not in trigger:
        return trigger
    rest = {name: value for name, value in trigger.items() if name != "key"}
    return rest | _token(trigger, event_id)


def _token(trigger: Mapping[str, Any], event_id: str) -> dict[str, str]:
    if not is_truthy(trigger["key"]):
        return {}
    text = to_string(trigger["key"]) + event_id
    return {"token": hashlib.sha256(text.encode()).hexdigest()}
