"""The building blocks of event schemas: checks that carry the API's words for what fails them.

Each type of trigger, limit, action and field has a schema. Of several errors a caller sees one:
the first in the order in which the schema declares its keys.
"""

import math
import re
from collections.abc import Callable, Mapping
from typing import Any

from marshmallow import EXCLUDE, Schema, ValidationError, fields

from core.errors import BadRequest
from core.javascript import is_truthy, to_string

#: The most triggers, limits, actions or fields of an event, and items of lists in these: they
#: are checked before the caller is known, so their number must not decide how long that takes.
MAX_ENTRIES = 250

_WORD = re.compile(r"\w+", re.ASCII)


class Check:
    """One condition and the message for a value that does not meet it."""

    def __init__(self, holds: Callable[[Any], bool], message: str) -> None:
        self._holds = holds
        self.message = message

    def __call__(self, value: Any) -> None:
        """Raise `ValidationError`; `{value}` in the message stands for the value as text."""
        if not self._holds(value):
            raise ValidationError(self.message.replace("{value}", to_string(value)))


class Entry(Schema):
    """One trigger, limit or action; keys without a rule may hold anything.

    A message that begins with a colon is continued from `Malformed trigger entry #N` or the like.
    """

    class Meta:
        """Unknown keys are stored as they were sent."""

        unknown = EXCLUDE


def is_word(value: Any) -> bool:
    """Whether the value looks like an id: letters, digits and underscores."""
    return isinstance(value, str) and bool(_WORD.fullmatch(value))


def is_number(value: Any) -> bool:
    """Whether the value is a finite number; booleans are none."""
    return isinstance(value, (int, float)) and not isinstance(value, bool) and math.isfinite(value)


def is_list_of(value: Any, holds: Callable[[Any], bool]) -> bool:
    """Whether the value is a list, of sane length, whose items all meet the condition."""
    return isinstance(value, list) and len(value) <= MAX_ENTRIES and all(map(holds, value))


def required(*checks: Check) -> fields.Raw:
    """A key that must be there, and not null: else the first check's message."""
    words: dict[str, Any] = dict.fromkeys(("required", "null"), checks[0].message)
    return fields.Raw(required=True, error_messages=words, validate=list(checks))


def optional(*checks: Callable[[Any], None]) -> fields.Raw:
    """A key that is only checked when it is there and not null."""
    return fields.Raw(allow_none=True, validate=list(checks))


def first_message(error: ValidationError) -> str:
    """The message of the first key, in declaration order, that has one."""
    messages: Any = error.messages
    while not isinstance(messages, str):
        messages = next(iter(messages.values() if isinstance(messages, dict) else messages))
    return messages


def check_entry(prefix: str, schema: Schema, entry: Any) -> None:
    """Raise `BadRequest` with the entry's first error."""
    try:
        schema.load(entry)
    except ValidationError as error:
        message = first_message(error)
        raise BadRequest(prefix + message if message.startswith(":") else message) from None


def entries_of(event: Mapping[str, Any], key: str) -> list[Any]:
    """The event's list under `key`, none when it is absent; raises `BadRequest` for other types."""
    entries = event.get(key, [])
    if not isinstance(entries, list):
        raise BadRequest(f"Malformed event parameter: {key} (must be array)")
    if len(entries) > MAX_ENTRIES:
        raise BadRequest(f"Malformed event parameter: {key} (more than {MAX_ENTRIES} entries)")
    return entries


def schema_of(
    prefix: str, entry: Any, schemas: Mapping[str, Schema], before: Callable[[Any], str | None]
) -> Schema:
    """The schema for the entry's type; `before` says what is wrong with any entry of the kind."""
    if not isinstance(entry, dict):
        raise BadRequest(f"{prefix} (not an object)")
    message = before(entry)
    if message is not None:
        raise BadRequest(prefix + message)
    type_ = entry.get("type")
    if not isinstance(type_, str) or type_ not in schemas:
        raise BadRequest(f"{prefix}: Unknown type")
    return schemas[type_]


def missing_flag(entry: Mapping[str, Any]) -> str | None:
    """The complaint about a limit or action that does not say whether it is enabled."""
    return ": Missing enabled flag" if entry.get("enabled") is None else None


def params_of(entry: Mapping[str, Any], prefix: str) -> Mapping[str, Any]:
    """The parameters that a trigger or action carries; none when it has no such key."""
    params = entry.get("params")
    if not is_truthy(params):
        return {}
    if not isinstance(params, dict):
        raise BadRequest(f"{prefix}: Invalid params (not an object)")
    return params
