"""Whatever a client sends, it gets a sane result or the one error shape; never a 500, no hang."""

import itertools

import pytest

from blueprints.wire import Source, endpoints
from models.database import db
from tests.blueprints.access_rows import valid_body
from tests.blueprints.api import EVENT, assert_error_shape

ODD_VALUES = [
    None,
    True,
    0,
    -1,
    1.5,
    10**30,
    "",
    "x",
    "<b>",
    "a\x00b",
    "\ufffd🚂",
    "../../etc/passwd",
    "constructor",
    "1e999",
    [],
    {},
    [[]],
    [None],
    ["x", 1, {}],
    {"a": 1},
    {"length": 1},
    {"__proto__": {"x": 1}},
]
#: Those that take time to read.
LARGE_VALUES = ["x" * 100_000, [["x"] * 100] * 100]
#: Those that PostgreSQL may take in another way.
DATABASE_VALUES = [-1, 1.5, 10**30, "", "x" * 100_000, "a\x00b", "\ufffd🚂", [None], {"a": 1}]
#: Of keys that an endpoint does not declare it takes little.
FEW_VALUES = [-1, 10**30, "a\x00b", [None], {"a": 1}]
#: Keys that mean something to some endpoint, declared or not.
COMMON_KEYS = ("id", "title", "icon", "notes", "label", "enabled", "category", "targets", "tags")

#: How errors begin that are plain text, because people see them in browsers.
PLAIN_TEXTS = ("(Auth", "Job record", "No log", "File not found")


def check(reply, name, sent):
    """The reply is a success, or an error that blames the request."""
    context = f"{name}: {str(sent)[:200]} -> {reply.status_code} {reply.text[:200]}"
    assert reply.status_code < 500, context
    if reply.status_code >= 400 and not reply.text.startswith(PLAIN_TEXTS):
        assert_error_shape(reply)


@pytest.mark.parametrize("name", list(endpoints))
def test_odd_values_of_every_parameter(call, name):
    declared = [field.data_key or key for key, field in endpoints[name].schema.fields.items()]
    others = {*COMMON_KEYS} - {*declared}
    is_sqlite = db.engine.dialect.name == "sqlite"
    values = ODD_VALUES + LARGE_VALUES if is_sqlite else DATABASE_VALUES
    for key, value in (
        *itertools.product(declared, values),
        *itertools.product(others, FEW_VALUES),
    ):
        body = {**valid_body(name), key: value}
        check(call(name, body), name, body)


@pytest.mark.databases("sqlite")
@pytest.mark.parametrize("name", list(endpoints))
def test_odd_keys(call, name):
    for key in ("", "constructor", "__proto__", "caller", "self", "params/", "a" * 10_000, "\x00"):
        body = {**valid_body(name), key: 1}
        check(call(name, body), name, body)


@pytest.mark.databases("sqlite")
@pytest.mark.parametrize(
    "name", [name for name, endpoint in endpoints.items() if endpoint.source is not Source.BODY]
)
def test_odd_queries(call, name):
    fields = endpoints[name].schema.fields
    for key in {*fields, "id", "token"}:
        for value in ("", "%00", "%FF", "a&{0}=b", "x" * 7000, "-1", "99999999999999999999", "+"):
            query = f"{key}={value.format(key)}"
            check(call(f"/api/app/{name}/v1?{query}"), name, query)


@pytest.mark.databases("sqlite")
@pytest.mark.parametrize("name", ["create_event", "update_event", "run_event"])
def test_odd_values_deep_inside_an_event(call, event, name):
    """The parts of an event that other code walks through."""
    for key, value in itertools.product(("limits", "actions", "triggers", "fields"), ODD_VALUES):
        for inner in (value, [value], [{"type": value, "enabled": True}], [{"id": value}]):
            body = {**EVENT, "id": event, key: inner}
            check(call(name, body), name, body)
