"""Schemathesis reads the OpenAPI document and tries to break what it promises.

The examples are made from the names of the tests, so every run tries the same ones; a longer
search: SCHEMATHESIS_EXAMPLES=200.
"""

import os

import pytest
import schemathesis
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from schemathesis import GenerationMode
from schemathesis.checks import not_a_server_error
from schemathesis.specs.openapi import checks

from blueprints.wire import endpoints
from models.database import db
from services import api_keys
from tests import factories
from tests.blueprints.api import ADMIN_KEY, EVENT

# Odd values are tried on all databases in test_bad_input.py.
pytestmark = pytest.mark.databases("sqlite")

_EXAMPLES = int(os.environ.get("SCHEMATHESIS_EXAMPLES", "6"))
_SEARCH = settings(
    max_examples=_EXAMPLES,
    deadline=None,
    derandomize=True,
    database=None,
    suppress_health_check=list(HealthCheck),
)
WITH_PARAMETERS = [name for name in endpoints if endpoints[name].schema.fields]
OPEN = [name for name in endpoints if endpoints[name].is_open]
_CHECKS = [
    not_a_server_error,
    checks.status_code_conformance,
    checks.content_type_conformance,
    checks.response_headers_conformance,
    checks.response_schema_conformance,
]


@pytest.fixture(scope="module")
def records():
    """Ids of what is there; made by `schema`."""
    return {}


@pytest.fixture(scope="module")
def schema(template_database, tmp_path_factory, records):
    """The document of an application whose database has a bit of everything."""
    folder = tmp_path_factory.mktemp("schemathesis") / "instance"
    with factories.application(
        folder, template_database, ADMIN_KEY=ADMIN_KEY, MIN_FREE_BYTES=0
    ) as app:
        db.write(lambda connection: api_keys.ensure_admin(connection, app.config))
        client = app.test_client()
        headers = {"X-API-Key": ADMIN_KEY}
        made = client.post("/api/app/create_event/v1", json={"id": "e1", **EVENT}, headers=headers)
        assert made.json["code"] == 0
        records["live"] = factories.add_job(state="queued", event="e1")
        records["final"] = factories.add_job(state="active", event="e1")
        factories.finish_job(records["final"], log=b"hello\n")
        yield schemathesis.openapi.from_wsgi("/api/openapi.json", app)


@pytest.fixture(scope="module")
def operations(schema):
    """What the document says of each path."""
    found = {}
    for result in schema.get_all_operations():
        found.setdefault(result.ok().path, []).append(result.ok())
    return found


@pytest.mark.parametrize("name", endpoints)
def test_endpoint_keeps_its_promises(operations, records, name):
    _search_all(operations, records, name, ADMIN_KEY, GenerationMode.POSITIVE)


@pytest.mark.parametrize("name", WITH_PARAMETERS)
def test_endpoint_bears_what_it_does_not_expect(operations, records, name):
    _search_all(operations, records, name, ADMIN_KEY, GenerationMode.NEGATIVE)


@pytest.mark.parametrize(
    ("name", "mode"),
    [
        *((name, GenerationMode.POSITIVE) for name in OPEN),
        *((name, GenerationMode.NEGATIVE) for name in WITH_PARAMETERS if name in OPEN),
    ],
)
def test_endpoint_for_everybody_keeps_its_promises(operations, records, name, mode):
    """Without a key the others refuse before they look: that is the access matrix's matter."""
    _search_all(operations, records, name, None, mode)


def _search_all(operations, records, name, key, mode):
    # Schemathesis does not undo compression.
    headers = {"Accept-Encoding": "identity", **({"X-API-Key": key} if key else {})}
    path = f"{endpoints[name].path}/v1/{endpoints[name].below}".rstrip("/")
    for operation in operations[path]:
        _search(operation, lambda case, draw: _aim(case, draw, name, records), headers, mode)


def _search(operation, aim, headers, mode):
    @given(st.data())
    @_SEARCH
    def call(data):
        case = data.draw(operation.as_strategy(generation_mode=mode))
        aim(case, data.draw)
        case.call_and_validate(headers=headers, checks=_CHECKS)

    call()


def _aim(case, draw, name, records):
    """Let every second call be about something that exists."""
    # A stream of a job that no engine runs would never end.
    known = ["e1", records["final"], *([] if name == "stream_job" else [records["live"]])]
    for part in (case.query, case.body):
        if isinstance(part, dict) and "id" in part and draw(st.booleans()):
            part["id"] = draw(st.sampled_from(known))
