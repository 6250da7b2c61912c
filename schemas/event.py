"""Events: what may be stored or run, checked key by key in the order that the API has."""

import re
from collections.abc import Callable, Mapping
from typing import Any

from marshmallow import EXCLUDE, Schema, fields

from core.errors import BadRequest
from core.expressions import ExpressionError, compile_expression
from core.javascript import is_truthy, to_string, type_of
from schemas.actions import check_actions
from schemas.checks import is_word
from schemas.fields import check_fields
from schemas.limits import check_limits
from schemas.parameters import check_names, check_values
from schemas.patterns import Budget
from schemas.references import References
from schemas.triggers import check_triggers
from schemas.wire import malformed_type

__all__ = ["EventSchema", "References", "check_event", "check_new", "check_overrides"]

#: The longest title, in characters, and the longest id: indexes hold no more.
MAX_TITLE_CHARS = 500
MAX_ID_CHARS = 200
#: Targets and tags are cheap to check, so an event may have many.
_MAX_NAMES = 10_000
#: As much of an expression is repeated in the complaint about it.
_MOST_SHOWN_CHARS = 500

_ID = re.compile(r"[a-z0-9_]+", re.ASCII)
_ALGORITHM = re.compile(r"[\w:]+", re.ASCII)


def _is_title(value: str) -> bool:
    # No database column takes NUL.
    return bool(value.strip()) and "\0" not in value and len(value) <= MAX_TITLE_CHARS


def _is_id(value: str) -> bool:
    return bool(_ID.fullmatch(value)) and len(value) <= MAX_ID_CHARS


class _Typed(fields.Raw):
    """A key that is optional, but must have one of these JavaScript types when it is there."""

    def __init__(self, *types: str, allows: Callable[[str], Any] | None = None) -> None:
        super().__init__()
        self._types = types
        self._allows = allows

    def _validate_missing(self, value: Any) -> None:
        """An absent key is fine; `null` is a value, of the wrong type."""

    def _deserialize(self, value: Any, attr: str | None, *_: Any, **__: Any) -> Any:
        if type_of(value) not in self._types:
            raise malformed_type(attr, value)
        if self._allows is not None and not self._allows(value):
            raise BadRequest(f"Malformed parameter value: {attr}")
        return value


class EventSchema(Schema):
    """The plain keys of an event, in the order in which their errors count."""

    class Meta:
        """Other keys have checks of their own, or are stored as they were sent."""

        unknown = EXCLUDE

    algo = _Typed("string", allows=_ALGORITHM.fullmatch)
    category = _Typed("string")
    enabled = _Typed("boolean", "number")
    id = _Typed("string", allows=_is_id)
    notes = _Typed("string")
    plugin = _Typed("string")
    title = _Typed("string", allows=_is_title)


_EVENT = EventSchema()


def check_new(params: Mapping[str, Any]) -> None:
    """Raise `BadRequest` where a new event lacks what each must have, or is of an unknown type."""
    type_ = params.get("type")
    if type_ == "workflow":
        raise BadRequest("Workflow events are not available yet.")
    if is_truthy(type_):
        raise BadRequest("Malformed parameter value: type")
    for key in ("targets", "algo", "plugin"):
        if not is_truthy(params.get(key)):
            raise BadRequest(f"Event has no {key} specified.")


def check_event(event: Mapping[str, Any], references: References) -> None:
    """Raise `BadRequest` for the first thing that is wrong with a complete event's data."""
    budget = Budget()
    _EVENT.load(event)
    _check_params(event)
    plugin_params = _check_references(event, references)
    check_values(plugin_params, event.get("params", {}), "Event Plugin: ", budget)
    _check_targets(event)
    _check_expression(event)
    _check_tags(event, references)
    check_triggers(event, references, budget)
    check_limits(event)
    check_actions(event, references, budget)
    check_fields(event, plugin_params, budget)


def check_overrides(values: Mapping[str, Any], references: References) -> None:
    """Raise `BadRequest` for the first of a job's own values that no event could have."""
    _EVENT.load(values)
    if "targets" in values:
        _check_targets(values)
    _check_expression(values)
    _check_tags(values, references)


def _check_params(event: Mapping[str, Any]) -> None:
    params = event.get("params", {})
    if not isinstance(params, dict):
        raise BadRequest("Malformed event parameter: params (must be object)")
    check_names(params, "Event params")


def _check_references(event: Mapping[str, Any], references: References) -> Any:
    """The definitions of the plugin's parameters, once it and the category are known to exist."""
    if references.category(event.get("category")) is None:
        raise BadRequest(f"Category not found: {event.get('category')}")
    name = str(event.get("plugin"))
    if name.startswith("_"):
        return []
    plugin = references.plugin(name)
    if plugin is None or plugin.get("type") != "event":
        raise BadRequest(f"Plugin not found: {name}")
    return plugin.get("params")


def _check_targets(event: Mapping[str, Any]) -> None:
    targets = _names(event, "targets")
    if not targets:
        raise BadRequest("Event has no targets specified.")
    for target in targets:
        if not is_word(target):
            raise BadRequest(f"Malformed target: {to_string(target)}")


def _check_expression(event: Mapping[str, Any]) -> None:
    expression = event.get("expression")
    if not is_truthy(expression):
        return
    text = to_string(expression)
    try:
        compile_expression(text)
    except ExpressionError as error:
        shown = text[:_MOST_SHOWN_CHARS]
        raise BadRequest(f"Failed to compile target expression: {shown}: {error}") from None


def _check_tags(event: Mapping[str, Any], references: References) -> None:
    tags = _names(event, "tags")
    known = references.tag_ids() if tags else frozenset()
    for tag in tags:
        if not is_word(tag):
            raise BadRequest(f"Malformed tag: {to_string(tag)}")
        if tag not in known:
            raise BadRequest(f"Unknown tag: {tag}")


def _names(event: Mapping[str, Any], key: str) -> list[Any]:
    names = event.get(key, [])
    if not isinstance(names, list):
        raise BadRequest(f"Malformed event parameter: {key} (must be array)")
    if len(names) > _MAX_NAMES:
        raise BadRequest(f"Malformed event parameter: {key} (more than {_MAX_NAMES} entries)")
    return names
