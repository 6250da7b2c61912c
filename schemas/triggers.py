"""Triggers: which keys each type takes, and the API's words for what is wrong with them."""

from collections.abc import Mapping, Sequence
from typing import Any

from marshmallow import ValidationError, pre_load, validates_schema

from core.errors import BadRequest
from core.javascript import is_truthy, to_string
from schemas.checks import (
    Check,
    Entry,
    check_entry,
    entries_of,
    is_list_of,
    is_number,
    optional,
    params_of,
    required,
    schema_of,
)
from schemas.parameters import check_values
from schemas.patterns import Budget
from schemas.references import References
from schemas.schedule import Schedule

#: The last second of the year 9999: calendars end there.
_LAST_EPOCH = 253_402_300_799


def is_epoch(value: Any) -> bool:
    """Whether the value is a time in Unix seconds."""
    return is_number(value) and 0 < value <= _LAST_EPOCH


class Interval(Entry):
    """Every so many seconds from a start on."""

    start = required(
        Check(
            lambda value: is_epoch(value) and value == int(value),
            ": Invalid starting date/time specified for interval",
        )
    )
    duration = required(Check(is_truthy, ": Interval rule is missing duration."))


class Single(Entry):
    """One moment."""

    epoch = required(Check(is_epoch, ": Invalid date/time specified for single shot"))


class Nth(Entry):
    """Only every so many times."""

    every = required(
        Check(
            lambda value: is_number(value) and value >= 2,
            ": Every Nth value is invalid (must be 2 or higher).",
        )
    )


class Range(Entry):
    """Only from a start on, or until an end."""

    start = optional(
        Check(
            lambda value: value == 0 or is_epoch(value),
            ": Invalid start date/time specified for range",
        )
    )
    end = optional(
        Check(
            lambda value: value == 0 or is_epoch(value),
            ": Invalid end date/time specified for range",
        )
    )

    @validates_schema(skip_on_field_errors=True)
    def check_order(self, data: Mapping[str, Any], **_: Any) -> None:
        """What has two ends begins with its start."""
        if data.get("start") and data.get("end") and data["start"] > data["end"]:
            raise ValidationError(
                ": Invalid date range.  The start date cannot come after the end date."
            )


class Blackout(Entry):
    """Not from a start until an end."""

    start = required(Check(is_epoch, ": Invalid start date/time specified for blackout"))
    end = required(Check(is_epoch, ": Invalid end date/time specified for blackout"))

    @pre_load
    def check_presence(self, data: Mapping[str, Any], **_: Any) -> Mapping[str, Any]:
        """A blackout without an end would be one for ever."""
        if not (is_truthy(data.get("start")) and is_truthy(data.get("end"))):
            raise ValidationError(": Both a start and an end date are required for blackout.")
        return data

    @validates_schema(skip_on_field_errors=True)
    def check_order(self, data: Mapping[str, Any], **_: Any) -> None:
        """A blackout begins with its start."""
        if data["start"] > data["end"]:
            raise ValidationError(
                ": Invalid date range for blackout.  The start date cannot come after the end date."
            )


class Delay(Entry):
    """Some seconds later."""

    duration = required(Check(is_truthy, ": Starting delay rule is missing duration."))


class Precision(Entry):
    """At these seconds of the minute."""

    seconds = required(
        Check(
            lambda value: is_list_of(value, is_number) and bool(value),
            ": Precision rule is missing seconds array.",
        )
    )


class Quiet(Entry):
    """Jobs that lists or history leave out."""

    @validates_schema(pass_original=True)
    def check_modes(self, _data: Any, original: Mapping[str, Any], **_: Any) -> None:
        """A rule without a mode would do nothing."""
        if not (is_truthy(original.get("invisible")) or is_truthy(original.get("ephemeral"))):
            raise ValidationError(": Quiet rule must have one or more modes enabled.")


class Keyboard(Entry):
    """Keys that a user presses."""

    keys = required(
        Check(
            lambda value: isinstance(value, (str, list)) and bool(value),
            ": Keyboard trigger has no shortcuts.",
        )
    )


class Plain(Entry):
    """A trigger that needs no more than its type."""


#: The schemas by the triggers' types.
SCHEMAS = {
    "schedule": Schedule(),
    "interval": Interval(),
    "single": Single(),
    "nth": Nth(),
    "range": Range(),
    "blackout": Blackout(),
    "delay": Delay(),
    "precision": Precision(),
    "quiet": Quiet(),
    "plugin": Plain(),
    "keyboard": Keyboard(),
    "startup": Plain(),
    "manual": Plain(),
    "magic": Plain(),
    "catchup": Plain(),
}

#: Of these an event may have one enabled trigger each; how messages call them.
_UNIQUE = {
    "startup": "startup",
    "catchup": "catch-up",
    "nth": "every-nth",
    "manual": "manual",
    "precision": "precision",
    "quiet": "quiet",
    "plugin": "plugin",
}
_EXCLUSIVE = (("interval", "precision"), ("interval", "delay"), ("precision", "delay"))


def check_triggers(event: Mapping[str, Any], references: References, budget: Budget) -> None:
    """Raise `BadRequest` for the first trigger that is wrong, or for how they go together."""
    triggers = entries_of(event, "triggers")
    for number, trigger in enumerate(triggers, 1):
        prefix = f"Malformed trigger entry #{number}"
        check_entry(prefix, schema_of(prefix, trigger, SCHEMAS, lambda _: None), trigger)
        _check_params(trigger, event, prefix, references, budget)
    _check_combination([item["type"] for item in triggers if is_truthy(item.get("enabled"))])


def _check_params(
    trigger: Mapping[str, Any],
    event: Mapping[str, Any],
    prefix: str,
    references: References,
    budget: Budget,
) -> None:
    """A plugin's trigger has the plugin's parameters; all others may bring the event's fields."""
    if trigger["type"] == "plugin":
        plugin = references.plugin(trigger.get("plugin_id"))
        if plugin is None or plugin.get("type") != "scheduler":
            name = to_string(trigger.get("plugin_id", "undefined"))
            raise BadRequest(f"{prefix}: Scheduler Plugin not found: {name}")
        check_values(plugin.get("params"), params_of(trigger, prefix), f"{prefix}: ", budget)
        return
    params = params_of(trigger, prefix)
    if "params" in trigger:
        check_values(event.get("fields"), params, f"{prefix}: ", budget)


def _check_combination(types: Sequence[str]) -> None:
    """Raise `BadRequest` for enabled triggers that can't be together."""
    for type_, name in _UNIQUE.items():
        if types.count(type_) > 1:
            raise BadRequest(f"Only one {name} rule is allowed in trigger list.")
    for first, second in _EXCLUSIVE:
        if first in types and second in types:
            raise BadRequest(f"{first.capitalize()} and {second} triggers are mutually exclusive.")
