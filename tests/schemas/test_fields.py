"""Fields: the message for each mistake, and their values at a run."""

import pytest

from core.errors import BadRequest
from schemas.event import check_event
from schemas.fields import TYPES, check_run_fields
from tests.schemas.event_data import REFERENCES, changed

P = "Malformed user field 'x'"


def check(*fields):
    check_event(changed(fields=list(fields)), REFERENCES)


def test_all_types_are_accepted():
    check(*({"id": f"f_{name}", "type": name, "value": [name]} for name in TYPES))


@pytest.mark.parametrize(
    ("field", "message"),
    [
        (5, "Malformed user field 'n/a': ID must be a string"),
        ({"type": "text"}, "Malformed user field 'n/a': ID must be a string"),
        ({"id": "", "type": "text"}, "Malformed user field 'n/a': ID must be a string"),
        ({"id": 5, "type": "text"}, "Malformed user field '5': ID must be a string"),
        (
            {"id": "__proto__", "type": "text"},
            "Malformed user field '__proto__': Invalid parameter ID: __proto__",
        ),
        (
            {"id": "_xy_override_env", "type": "text"},
            (
                "Malformed user field '_xy_override_env': "
                "Invalid parameter ID: _xy_override_env (reserved)"
            ),
        ),
        ({"id": "x"}, f"{P}: Type must be a string"),
        ({"id": "x", "type": ["text"]}, f"{P}: Type must be a string"),
        ({"id": "x", "type": "slider"}, f"{P}: Invalid type"),
        ({"id": "x", "type": "text", "title": 5}, f"{P}: Title must be a string"),
        ({"id": "x", "type": "text", "title": "<b>"}, f"{P}: Title contains illegal characters"),
        (
            {"id": "script", "type": "text"},
            "Malformed user field 'script': ID is already in use (as locked plugin parameter).",
        ),
        ({"id": "x", "type": "text", "variant": "rainbow"}, f"{P}: Invalid text field variant"),
        ({"id": "x", "type": "text", "variant": []}, f"{P}: Invalid text field variant"),
        (
            {"id": "x", "type": "text", "regex": "["},
            f"{P}: Invalid regular expression: missing ]: [",
        ),
        (
            {"id": "x", "type": "text", "regex": {}},
            f"{P}: Invalid regular expression: not a string",
        ),
    ],
)
def test_field_message(field, message):
    with pytest.raises(BadRequest) as caught:
        check(field)
    assert caught.value.description == message


def test_ids_are_unique():
    field = {"id": "x", "type": "text"}
    with pytest.raises(BadRequest) as caught:
        check(field, field | {"id": "y"}, field)
    assert caught.value.description == f"{P}: Duplicate field ID: x"


def test_fields_may_bear_the_name_of_a_parameter_that_is_not_locked():
    check({"id": "annotate", "type": "checkbox"})


FIELDS = [
    {"id": "name", "type": "text", "required": True, "regex": "a"},
    {"id": "size", "type": "text", "range": "1-5/0.5"},
]


@pytest.mark.parametrize(
    ("params", "message"),
    [
        ({}, "Event: Parameter 'name' is required."),
        ({"name": "xyz"}, "Event: Parameter 'name' value is invalid."),
        ({"name": "bar", "size": "2.25"}, "Event: Parameter 'size' value is invalid (1-5/0.5)."),
    ],
)
def test_message_of_a_run(params, message):
    with pytest.raises(BadRequest) as caught:
        check_run_fields({"fields": FIELDS}, params)
    assert caught.value.description == message


def test_a_run_with_valid_values_passes():
    check_run_fields({"fields": FIELDS}, {"name": "bar", "size": 2.5, "more": {}})
