"""The checks of a whole event: messages, their order, and that nothing gets past them."""

import contextlib

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from core.errors import BadRequest
from schemas.event import check_event, check_new
from tests.schemas.event_data import REFERENCES, VALID, changed

TEXT = {"type": "text"}


def message_of(event):
    with pytest.raises(BadRequest) as caught:
        check_event(event, REFERENCES)
    assert (caught.value.code, caught.value.status) == ("api", 400)
    return caught.value.description


def test_a_valid_event_passes():
    check_event(VALID, REFERENCES)


@pytest.mark.parametrize(
    "changes",
    [
        {"tags": ["important", "flag"], "notes": "", "icon": "x", "whatever": {"is": "kept"}},
        {"enabled": 0},
        {"algo": "monitor:m1"},
        {"plugin": "_workflow", "params": {}},
        {"params": {"script": "x", "annotate": False, "retries": 3, "host": "a.b", "extra": []}},
        {"params": {"script": "x", "retries": "", "host": None}},
        {"params": {"script": 0}},
        {"params": {"script": "x", "_xy_override_label": "y"}},
        {"expression": ""},
        {"expression": None},
        {"expression": "info.cpu.cores > 2 && 'main' in groups"},
        {"targets": ["main", "s1"]},
        {"notes": "x" * 100_000},
    ],
)
def test_these_changes_are_fine(changes):
    check_event(changed(**changes), REFERENCES)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"algo": 5}, "Malformed parameter type: algo (number)"),
        ({"algo": "least cpu"}, "Malformed parameter value: algo"),
        ({"algo": "random\n"}, "Malformed parameter value: algo"),
        ({"category": []}, "Malformed parameter type: category (object)"),
        ({"enabled": "true"}, "Malformed parameter type: enabled (string)"),
        ({"enabled": None}, "Malformed parameter type: enabled (object)"),
        ({"id": True}, "Malformed parameter type: id (boolean)"),
        ({"id": "e" * 201}, "Malformed parameter value: id"),
        ({"notes": 5}, "Malformed parameter type: notes (number)"),
        ({"plugin": {}}, "Malformed parameter type: plugin (object)"),
        ({"title": 5.5}, "Malformed parameter type: title (number)"),
        ({"title": " "}, "Malformed parameter value: title"),
        ({"title": "a\0b"}, "Malformed parameter value: title"),
        ({"title": "x" * 501}, "Malformed parameter value: title"),
        ({"params": []}, "Malformed event parameter: params (must be object)"),
        ({"params": None}, "Malformed event parameter: params (must be object)"),
        (
            {"params": {"_xy_override_uid": "root"}},
            "Event params: Invalid parameter ID: _xy_override_uid (reserved)",
        ),
        ({"category": "nosuch"}, "Category not found: nosuch"),
        ({"plugin": "nosuch"}, "Plugin not found: nosuch"),
        ({"plugin": "acts"}, "Plugin not found: acts"),
        ({"params": {}}, "Event Plugin: Parameter 'script' is required."),
        ({"params": {"script": ""}}, "Event Plugin: Parameter 'script' is required."),
        ({"params": {"script": None}}, "Event Plugin: Parameter 'script' is required."),
        (
            {"params": {"script": "x", "host": "A"}},
            "Event Plugin: Parameter 'host' value is invalid.",
        ),
        (
            {"params": {"script": "x", "retries": 11}},
            "Event Plugin: Parameter 'retries' value is invalid (1-10/1).",
        ),
        ({"targets": "main"}, "Malformed event parameter: targets (must be array)"),
        ({"targets": []}, "Event has no targets specified."),
        ({"targets": ["main", "a b"]}, "Malformed target: a b"),
        ({"targets": [{}]}, "Malformed target: [object Object]"),
        (
            {"targets": ["a"] * 10_001},
            "Malformed event parameter: targets (more than 10000 entries)",
        ),
        (
            {"expression": "cpu.cores >"},
            "Failed to compile target expression: cpu.cores >: Unexpected end of expression",
        ),
        ({"tags": "flag"}, "Malformed event parameter: tags (must be array)"),
        ({"tags": ["flag", "b-c"]}, "Malformed tag: b-c"),
        ({"tags": [5]}, "Malformed tag: 5"),
        ({"tags": ["flag", "nosuch"]}, "Unknown tag: nosuch"),
    ],
)
def test_event_message(changes, message):
    assert message_of(changed(**changes)) == message


@pytest.mark.parametrize("key", ["triggers", "limits", "actions", "fields"])
def test_lists_must_be_arrays_of_bounded_length(key):
    for value in ({}, None, "x", 5):
        expected = f"Malformed event parameter: {key} (must be array)"
        assert message_of(changed(**{key: value})) == expected
    expected = f"Malformed event parameter: {key} (more than 250 entries)"
    assert message_of(changed(**{key: [{}] * 251})) == expected


#: One mistake for each step, in the order in which they have to be found.
_MISTAKES = [
    ("algo", "!", "Malformed parameter value: algo"),
    ("title", 1, "Malformed parameter type: title (number)"),
    ("category", "no", "Category not found: no"),
    ("plugin", "no", "Plugin not found: no"),
    ("params", {}, "Event Plugin: Parameter 'script' is required."),
    ("targets", [], "Event has no targets specified."),
    ("expression", "1 2", "Failed to compile target expression: 1 2: Unexpected token: 2 at 2"),
    ("tags", ["no"], "Unknown tag: no"),
    ("triggers", [5], "Malformed trigger entry #1 (not an object)"),
    ("limits", [5], "Malformed limit entry #1 (not an object)"),
    ("actions", [5], "Malformed action entry #1 (not an object)"),
    ("fields", [5], "Malformed user field 'n/a': ID must be a string"),
]


def test_the_first_mistake_is_reported():
    event = changed(**{key: value for key, value, _ in _MISTAKES})
    for key, _, message in _MISTAKES:
        assert message_of(event) == message
        event[key] = VALID.get(key, [] if key == "tags" else "")


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"type": "workflow"}, "Workflow events are not available yet."),
        ({"type": "other"}, "Malformed parameter value: type"),
        ({"targets": None, "algo": ""}, "Event has no targets specified."),
        ({"algo": "", "plugin": ""}, "Event has no algo specified."),
        ({"plugin": 0}, "Event has no plugin specified."),
    ],
)
def test_new_event_message(changes, message):
    with pytest.raises(BadRequest) as caught:
        check_new(changed(**changes))
    assert caught.value.description == message


ANYTHING = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(10**299), 10**299)
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(st.characters(exclude_categories=["Cs"]), max_size=20)
    | st.sampled_from(["shellplug", "general", "main", "manual", "a+$", "(", "1-5/1", "id", "UTC"]),
    lambda children: (
        st.lists(children, max_size=3)
        | st.dictionaries(
            st.text(st.characters(exclude_categories=["Cs"]), max_size=8), children, max_size=3
        )
    ),
    max_leaves=8,
)
KEYS = (*VALID, "tags", "expression", "notes", "icon", "type")


@settings(max_examples=300, deadline=None)
@given(key=st.sampled_from(KEYS), value=ANYTHING)
def test_anything_in_any_key_is_an_ordinary_error(key, value):
    with contextlib.suppress(BadRequest):
        check_event(changed(**{key: value}), REFERENCES)


TYPES = {
    "triggers": (
        *("schedule", "interval", "single", "nth", "range", "blackout", "delay", "precision"),
        *("quiet", "plugin", "keyboard", "startup", "manual", "magic", "catchup"),
    ),
    "limits": ("mem", "cpu", "log", "time", "job", "retry", "queue", "file", "day", "tag"),
    "actions": (
        *("email", "web_hook", "run_event", "channel", "store", "fetch", "ticket", "tag"),
        *("label", "plugin", "snapshot", "suspend", "disable", "delete"),
    ),
    "fields": ("text", "code", "json", "select"),
}
ENTRY_KEYS = (
    *("enabled", "params", "years", "days", "timezone", "start", "end", "duration", "epoch"),
    *("every", "seconds", "invisible", "plugin_id", "keys", "amount", "size", "accept"),
    *("condition", "users", "email", "web_hook", "event_id", "channel_id", "bucket_id"),
    *("bucket_sync", "ticket_type", "ticket_tags", "tags", "label", "id", "title", "value"),
    *("regex", "range", "variant", "required", "locked"),
)


@settings(max_examples=600, deadline=None)
@given(data=st.data(), kind=st.sampled_from(sorted(TYPES)))
def test_anything_in_any_entry_is_an_ordinary_error(data, kind):
    entry = {"type": data.draw(st.sampled_from(TYPES[kind]) | ANYTHING), "enabled": True}
    entry |= {"condition": "start", "id": "x", "plugin_id": "moon", "event_id": "other"}
    entry |= data.draw(st.dictionaries(st.sampled_from(ENTRY_KEYS), ANYTHING, max_size=5))
    field = {"id": "x", **TEXT} | data.draw(
        st.dictionaries(st.sampled_from(ENTRY_KEYS), ANYTHING, max_size=2)
    )
    event = changed(fields=[field]) | {kind: [entry, entry]}
    with contextlib.suppress(BadRequest):
        check_event(event, REFERENCES)
