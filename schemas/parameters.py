"""Parameter values: what plugins and events define, checked against what callers give."""

import math
import re
from collections.abc import Iterator, Mapping
from typing import Any

from core.errors import BadRequest
from core.javascript import is_truthy, to_string
from schemas.patterns import Budget

#: A parameter with this prefix replaces the job's own property of the rest of its name.
_OVERRIDE = "_xy_override_"
#: The properties of a job that no parameter may replace.
_NOT_OVERRIDABLE = frozenset(
    (
        *("plugin", "params", "id", "event", "enabled", "category", "fields", "actions"),
        *("limits", "triggers", "workflow", "command", "script", "uid", "gid", "cwd", "env"),
        *("kill", "runner"),
    )
)

_NUMBER = re.compile(r"[+-]?(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d{1,3})?", re.ASCII)
_RANGE = re.compile(r"(-?[\d.]+)-(-?[\d.]+)(?:/(any|[\d.]+))?", re.ASCII)
#: What decimal fractions may be off by, in steps.
_TOLERANCE = 1e-6


def is_reserved(key: str) -> bool:
    """Whether a parameter's name would replace a property of the job that it must not."""
    return override_of(key) in _NOT_OVERRIDABLE


def override_of(key: str) -> str | None:
    """The property of the job that a parameter replaces, if it is one that does so."""
    return key.removeprefix(_OVERRIDE) if key.startswith(_OVERRIDE) else None


def check_names(values: Mapping[str, Any], prefix: str) -> None:
    """Raise `BadRequest` for the first reserved name among the values' keys."""
    for key in values:
        if is_reserved(key):
            raise BadRequest(f"{prefix}: Invalid parameter ID: {key} (reserved)")


def check_values(
    definitions: Any, values: Mapping[str, Any], prefix: str, budget: Budget | None = None
) -> None:
    """Raise `BadRequest` for the first value that its definition does not allow.

    Missing and null values count as empty. Empty ones that aren't required are not looked at
    any further, so that an optional parameter can be left blank.
    """
    budget = budget or Budget()
    for definition in _usable(definitions):
        name = definition["id"]
        value = values.get(name)
        written = "" if value is None else to_string(value)
        message = _complaint(definition, written, budget)
        if message is not None:
            raise BadRequest(f"{prefix}Parameter '{name}' {message}")


def defaults(definitions: Any) -> Iterator[tuple[Mapping[str, Any], str, Any]]:
    """Each definition that has a default value, its id and that value, which is not a copy."""
    for definition in _usable(definitions):
        if "value" in definition:
            yield definition, definition["id"], definition["value"]


def ids(definitions: Any) -> list[str]:
    """The ids of all parameters."""
    return [item["id"] for item in _usable(definitions)]


def locked_ids(definitions: Any) -> list[str]:
    """The ids of the parameters that only administrators may set."""
    return [item["id"] for item in _usable(definitions) if is_truthy(item.get("locked"))]


def _usable(definitions: Any) -> list[Mapping[str, Any]]:
    """The definitions that have an id; an event's own are checked for that later on."""
    if not isinstance(definitions, list):
        return []
    return [
        item for item in definitions if isinstance(item, dict) and isinstance(item.get("id"), str)
    ]


def _complaint(definition: Mapping[str, Any], written: str, budget: Budget) -> str | None:
    """What is wrong with a value, if anything."""
    if not written:
        return "is required." if is_truthy(definition.get("required")) else None
    pattern, limits = definition.get("regex"), definition.get("range")
    if is_truthy(pattern) and not budget.matches(pattern, written):
        return "value is invalid."
    if isinstance(limits, str) and not _is_in_range(written, limits):
        return f"value is invalid ({limits})."
    return None


def _is_in_range(written: str, limits: str) -> bool:
    """Whether a number lies within `MIN-MAX/STEP`; a range that can't be read allows all."""
    match = _RANGE.fullmatch(limits)
    bounds = [_number(part) for part in match.groups()[:2]] if match else [None]
    low, high, value = bounds[0], bounds[-1], _number(written.strip())
    if match is None or low is None or high is None:
        return True
    if value is None or not low <= value <= high:
        return False
    step = _number(match[3] or "any")
    return not step or _is_whole((value - low) / step)


def _number(written: str) -> float | None:
    """The finite number that the text is."""
    value = float(written) if _NUMBER.fullmatch(written) else math.inf
    return value if math.isfinite(value) else None


def _is_whole(steps: float) -> bool:
    return math.isfinite(steps) and abs(steps - round(steps)) < _TOLERANCE
