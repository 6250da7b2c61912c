"""How update_job changes a final record: replacement, `+N` for numbers, `+a,-b` for lists."""

import re
from collections.abc import Mapping
from typing import Any

from core.errors import BadRequest
from core.javascript import type_of

_INCREMENT = re.compile(r"[+-]\d{1,15}(?:\.\d{1,6})?\Z")
_ADJUSTMENT = re.compile(r"[+-][^,]+(?:,\s*[+-][^,]+)*\Z")
#: Keys whose values are looked into, here or by the engine.
_TYPES: Mapping[str, type | tuple[type, ...]] = {
    **dict.fromkeys(("limits", "actions", "tags", "targets", "activity", "files"), list),
    **dict.fromkeys(("params", "input", "env", "data"), dict),
    **dict.fromkeys(("event", "category", "plugin", "algo", "kill", "source"), str),
    **dict.fromkeys(("started", "completed", "elapsed"), (int, float)),
}
#: What a record can't do without.
_FIXED = ("id", "state", "final")


def adjusted(record: Mapping[str, Any], changes: Mapping[str, Any]) -> dict[str, Any]:
    """A copy of `record` with `changes` applied; raises `BadRequest` for keys that are fixed."""
    fixed = [key for key in _FIXED if key in changes]
    if fixed:
        raise BadRequest(f"Cannot update keys of a job: {', '.join(fixed)}", code="job")
    return {
        **record,
        **{key: _adjusted(record.get(key), value) for key, value in changes.items()},
    }


def check_types(document: Mapping[str, Any]) -> None:
    """Raise `BadRequest` for a key that is of another type than everybody relies on."""
    for key, expected in _TYPES.items():
        if key in document and not _is_of(document[key], expected):
            text = f"Malformed parameter type: {key} ({type_of(document[key])})"
            raise BadRequest(text)


def _is_of(value: Any, expected: type | tuple[type, ...]) -> bool:
    return isinstance(value, expected) and not isinstance(value, bool)


def _adjusted(before: Any, change: Any) -> Any:
    if not isinstance(change, str):
        return change
    is_number = isinstance(before, (int, float)) and not isinstance(before, bool)
    if is_number and _INCREMENT.match(change):
        amount = float(change) if "." in change else int(change)
        return before + amount
    if isinstance(before, list) and _ADJUSTMENT.match(change):
        return _adjusted_list(before, change)
    return change


def _adjusted_list(before: list[Any], change: str) -> list[Any]:
    """`before` with every `+item` added, once, and every `-item` taken out."""
    items = list(before)
    for part in change.split(","):
        sign, item = part.strip()[0], part.strip()[1:]
        if sign == "-":
            items = [other for other in items if other != item]
        elif item not in items:
            items.append(item)
    return items
