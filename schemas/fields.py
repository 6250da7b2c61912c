"""Fields: the parameters that an event asks its users for."""

import re
from collections.abc import Collection, Mapping
from typing import Any

from marshmallow import EXCLUDE, Schema

from core.errors import BadRequest
from core.javascript import is_truthy, to_string
from schemas.checks import Check, check_entry, entries_of, optional, required
from schemas.parameters import check_values, is_reserved, locked_ids
from schemas.patterns import Budget, PatternError
from schemas.wire import RESERVED_WORDS

TYPES = frozenset(
    (
        *("text", "textarea", "code", "json", "checkbox", "select", "bucket", "system"),
        *("hidden", "toolset", "group"),
    )
)
_TEXT_VARIANTS = frozenset(
    (
        *("color", "date", "datetime-local", "email", "number", "password", "text", "time"),
        *("tel", "url"),
    )
)


def _is_text(value: Any) -> bool:
    return isinstance(value, str)


class FieldSchema(Schema):
    """One field; what its default value looks like is not checked before a run."""

    class Meta:
        """Captions and the like are stored as they were sent."""

        unknown = EXCLUDE

    id = required(
        Check(lambda value: _is_text(value) and bool(value), ": ID must be a string"),
        Check(
            lambda value: not _is_text(value) or value not in RESERVED_WORDS,
            ": Invalid parameter ID: {value}",
        ),
        Check(
            lambda value: not _is_text(value) or not is_reserved(value),
            ": Invalid parameter ID: {value} (reserved)",
        ),
    )
    type = required(
        Check(_is_text, ": Type must be a string"),
        Check(lambda value: _is_text(value) and value in TYPES, ": Invalid type"),
    )
    title = optional(
        Check(_is_text, ": Title must be a string"),
        Check(
            lambda value: not _is_text(value) or not re.search(r"[<>]", value),
            ": Title contains illegal characters",
        ),
    )


_FIELD = FieldSchema()


def check_fields(event: Mapping[str, Any], plugin_params: Any, budget: Budget) -> None:
    """Raise `BadRequest` for the first field of the event that is wrong."""
    locked = frozenset(locked_ids(plugin_params))
    seen: set[str] = set()
    for field in entries_of(event, "fields"):
        if not isinstance(field, dict):
            raise BadRequest("Malformed user field 'n/a': ID must be a string")
        name = field.get("id")
        prefix = f"Malformed user field '{to_string(name) if is_truthy(name) else 'n/a'}'"
        check_entry(prefix, _FIELD, field)
        message = _conflict(field["id"], locked, seen) or _flaw(field, budget)
        if message is not None:
            raise BadRequest(f"{prefix}: {message}")
        seen.add(field["id"])


def _conflict(name: str, locked: Collection[str], seen: Collection[str]) -> str | None:
    """Why the field can't have this id beside the others, if so."""
    if name in locked:
        return "ID is already in use (as locked plugin parameter)."
    return f"Duplicate field ID: {name}" if name in seen else None


def _flaw(field: Mapping[str, Any], budget: Budget) -> str | None:
    """What is wrong with the field's variant or pattern, if anything."""
    variant = field.get("variant")
    if field["type"] == "text" and is_truthy(variant) and not _is_variant(variant):
        return "Invalid text field variant"
    if not is_truthy(field.get("regex")):
        return None
    try:
        budget.compile(field["regex"])
    except PatternError as error:
        return f"Invalid regular expression: {error}"
    return None


def _is_variant(value: Any) -> bool:
    return isinstance(value, str) and value in _TEXT_VARIANTS


def check_run_fields(event: Mapping[str, Any], params: Mapping[str, Any]) -> None:
    """Raise `BadRequest` for the first parameter of a run that the event's fields don't allow."""
    check_values(event.get("fields"), params, "Event: ")
