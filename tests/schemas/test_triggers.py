"""Triggers: the message for each mistake, and which of them go together."""

import pytest

from core.errors import BadRequest
from schemas.event import check_event
from tests.schemas.event_data import REFERENCES, changed

P = "Malformed trigger entry #1"
NAME = {"id": "name", "type": "text", "required": True, "regex": "^[a-z]+$"}


def check(*triggers, **changes):
    check_event(changed(triggers=list(triggers), **changes), REFERENCES)


def message_of(*triggers, **changes):
    with pytest.raises(BadRequest) as caught:
        check(*triggers, **changes)
    return caught.value.description


@pytest.mark.parametrize(
    "trigger",
    [
        {"type": "schedule"},
        {"type": "schedule", "years": [2026], "months": [1, 12], "days": [-7, 31]},
        {"type": "schedule", "weekdays": [0, 6], "hours": [0, 23], "minutes": [0, 59.0]},
        {"type": "schedule", "hours": [], "days": None, "timezone": ""},
        {"type": "schedule", "timezone": "Etc/UTC"},
        {"type": "schedule", "timezone": "Europe/Berlin"},
        {"type": "interval", "start": 1795434873, "duration": "60"},
        {"type": "single", "epoch": 1795434873.5},
        {"type": "nth", "every": 2},
        {"type": "range"},
        {"type": "range", "start": 5},
        {"type": "range", "start": 5, "end": 5},
        {"type": "blackout", "start": 5, "end": 6},
        {"type": "delay", "duration": 5},
        {"type": "precision", "seconds": [0, 30]},
        {"type": "quiet", "ephemeral": True},
        {"type": "plugin", "plugin_id": "moon", "params": {"phase": "full"}},
        {"type": "keyboard", "keys": ["ctrl+b"]},
        {"type": "startup"},
        {"type": "manual"},
        {"type": "magic", "key": "x"},
        {"type": "catchup"},
    ],
)
def test_valid_trigger(trigger):
    check(trigger | {"enabled": True})


@pytest.mark.parametrize(
    ("trigger", "message"),
    [
        (5, f"{P} (not an object)"),
        ({}, f"{P}: Unknown type"),
        ({"type": "hourly"}, f"{P}: Unknown type"),
        ({"type": []}, f"{P}: Unknown type"),
        (
            {"type": "schedule", "hours": 5},
            "Malformed trigger parameter: hours (must be array)",
        ),
        (
            {"type": "schedule", "hours": [5, "6"]},
            "Malformed trigger parameter: hours (must be array of numbers)",
        ),
        (
            {"type": "schedule", "hours": [True]},
            "Malformed trigger parameter: hours (must be array of numbers)",
        ),
        (
            {"type": "schedule", "minutes": [1] * 251},
            "Malformed trigger parameter: minutes (more than 250 entries)",
        ),
        (
            {"type": "schedule", "years": [0]},
            "Malformed trigger parameter: years (out of range: 0)",
        ),
        (
            {"type": "schedule", "months": [1, 13]},
            "Malformed trigger parameter: months (out of range: 13)",
        ),
        (
            {"type": "schedule", "days": [0]},
            "Malformed trigger parameter: days (out of range: 0)",
        ),
        (
            {"type": "schedule", "days": [-8]},
            "Malformed trigger parameter: days (out of range: -8)",
        ),
        (
            {"type": "schedule", "weekdays": [7]},
            "Malformed trigger parameter: weekdays (out of range: 7)",
        ),
        (
            {"type": "schedule", "hours": [24], "minutes": [60]},
            "Malformed trigger parameter: hours (out of range: 24)",
        ),
        (
            {"type": "schedule", "minutes": [1.5]},
            "Malformed trigger parameter: minutes (out of range: 1.5)",
        ),
        ({"type": "schedule", "timezone": "a b"}, f"{P}: Invalid timezone: a b"),
        ({"type": "schedule", "timezone": 5}, f"{P}: Invalid timezone: 5"),
        (
            {"type": "schedule", "timezone": "../etc/passwd"},
            f"{P}: Invalid timezone: ../etc/passwd",
        ),
        ({"type": "schedule", "timezone": "UTC"}, f"{P}: Unknown timezone: UTC"),
        ({"type": "schedule", "timezone": "Mars/Base"}, f"{P}: Unknown timezone: Mars/Base"),
        (
            {"type": "interval", "start": 1.5, "duration": 5},
            f"{P}: Invalid starting date/time specified for interval",
        ),
        (
            {"type": "interval", "start": 10**30, "duration": 5},
            f"{P}: Invalid starting date/time specified for interval",
        ),
        ({"type": "interval"}, f"{P}: Invalid starting date/time specified for interval"),
        ({"type": "interval", "start": 5}, f"{P}: Interval rule is missing duration."),
        ({"type": "single"}, f"{P}: Invalid date/time specified for single shot"),
        ({"type": "single", "epoch": "5"}, f"{P}: Invalid date/time specified for single shot"),
        ({"type": "nth"}, f"{P}: Every Nth value is invalid (must be 2 or higher)."),
        ({"type": "nth", "every": 1}, f"{P}: Every Nth value is invalid (must be 2 or higher)."),
        ({"type": "range", "start": "x"}, f"{P}: Invalid start date/time specified for range"),
        ({"type": "range", "end": -1}, f"{P}: Invalid end date/time specified for range"),
        (
            {"type": "range", "start": 6, "end": 5},
            f"{P}: Invalid date range.  The start date cannot come after the end date.",
        ),
        (
            {"type": "blackout", "start": "x"},
            f"{P}: Both a start and an end date are required for blackout.",
        ),
        (
            {"type": "blackout", "start": "x", "end": "y"},
            f"{P}: Invalid start date/time specified for blackout",
        ),
        (
            {"type": "blackout", "start": 5, "end": "y"},
            f"{P}: Invalid end date/time specified for blackout",
        ),
        (
            {"type": "blackout", "start": 6, "end": 5},
            (
                f"{P}: Invalid date range for blackout.  "
                "The start date cannot come after the end date."
            ),
        ),
        ({"type": "delay"}, f"{P}: Starting delay rule is missing duration."),
        ({"type": "delay", "duration": 0}, f"{P}: Starting delay rule is missing duration."),
        ({"type": "precision"}, f"{P}: Precision rule is missing seconds array."),
        ({"type": "precision", "seconds": 5}, f"{P}: Precision rule is missing seconds array."),
        ({"type": "quiet"}, f"{P}: Quiet rule must have one or more modes enabled."),
        ({"type": "plugin"}, f"{P}: Scheduler Plugin not found: undefined"),
        ({"type": "plugin", "plugin_id": "acts"}, f"{P}: Scheduler Plugin not found: acts"),
        (
            {"type": "plugin", "plugin_id": "moon", "params": {"phase": "half"}},
            f"{P}: Parameter 'phase' value is invalid.",
        ),
        ({"type": "keyboard"}, f"{P}: Keyboard trigger has no shortcuts."),
        ({"type": "keyboard", "keys": []}, f"{P}: Keyboard trigger has no shortcuts."),
        ({"type": "startup", "params": [5]}, f"{P}: Invalid params (not an object)"),
    ],
)
def test_trigger_message(trigger, message):
    assert message_of(trigger) == message


def test_the_entry_is_numbered_from_one():
    assert message_of({"type": "manual"}, {"type": "x"}) == (
        "Malformed trigger entry #2: Unknown type"
    )


def test_trigger_params_are_checked_against_the_fields():
    check({"type": "startup", "params": {"name": "ann"}}, fields=[NAME])
    check({"type": "manual"}, fields=[NAME])
    wrong = {"type": "startup", "params": {"name": "5"}}
    assert message_of(wrong, fields=[NAME]) == f"{P}: Parameter 'name' value is invalid."
    empty = {"type": "startup", "params": {}}
    assert message_of(empty, fields=[NAME]) == f"{P}: Parameter 'name' is required."


UNIQUE = {
    "startup": ({"type": "startup"}, "startup"),
    "catchup": ({"type": "catchup"}, "catch-up"),
    "nth": ({"type": "nth", "every": 2}, "every-nth"),
    "manual": ({"type": "manual"}, "manual"),
    "precision": ({"type": "precision", "seconds": [1]}, "precision"),
    "quiet": ({"type": "quiet", "invisible": True}, "quiet"),
    "plugin": ({"type": "plugin", "plugin_id": "moon"}, "plugin"),
}


@pytest.mark.parametrize("kind", UNIQUE)
def test_only_one_enabled_trigger_of_these_types(kind):
    trigger, name = UNIQUE[kind]
    enabled, disabled = trigger | {"enabled": True}, trigger | {"enabled": False}
    check(enabled, disabled)
    expected = f"Only one {name} rule is allowed in trigger list."
    assert message_of(enabled, enabled) == expected


def test_these_may_repeat():
    blackout = {"type": "blackout", "start": 5, "end": 6, "enabled": True}
    delay = {"type": "delay", "duration": 5, "enabled": True}
    check(blackout, blackout, delay, delay)


@pytest.mark.parametrize(
    ("first", "second", "message"),
    [
        ("interval", "precision", "Interval and precision triggers are mutually exclusive."),
        ("interval", "delay", "Interval and delay triggers are mutually exclusive."),
        ("precision", "delay", "Precision and delay triggers are mutually exclusive."),
    ],
)
def test_these_exclude_each_other(first, second, message):
    whole = {"enabled": True, "start": 60, "duration": 60, "seconds": [1]}
    assert message_of(whole | {"type": second}, whole | {"type": first}) == message
    check(whole | {"type": second}, whole | {"type": first, "enabled": False})
