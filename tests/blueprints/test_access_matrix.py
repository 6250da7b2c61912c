"""Every route by every kind of caller: who is let in, and who is told what."""

import pytest

from blueprints.wire import endpoints
from core import json
from models.database import db
from models.transaction import Search, Transaction
from services import api_keys, logins, users
from services.access import OPERATOR, Privilege, at_the_host
from tests import factories
from tests.blueprints.access_rows import (
    ALL_ROWS,
    ENDED,
    FOR_EVERYBODY,
    LIVE,
    NEEDS,
    OPEN,
    PASSWORD,
    ROWS,
)
from tests.blueprints.api import Caller, assert_error, multipart

pytestmark = pytest.mark.databases("sqlite")

NO_KEY = "No Session ID or API Key could be found"
INVALID = "Invalid API Key"
#: The limits of callers who have every privilege but `admin`, by the name of a row's column.
LIMITS = {"category": {"categories": ["other"]}, "group": {"groups": ["other"]}}


@pytest.fixture
def world(call, event):
    """The ids of what rows are about, by how these name them."""
    call("create_category", {"id": "empty", "title": "Empty", "enabled": True})
    call("create_group", {"id": "gempty", "title": "Empty"})
    call("create_role", {"id": "rtest", "title": "Role"})
    call("create_secret", {"id": "ztest", "title": "Secret"})
    call("create_bucket", {"id": "btest", "title": "Bucket"})
    ended = factories.add_job(state="active", event=event)
    factories.finish_job(ended, log=b"hello\n")
    return {LIVE: factories.add_job(state="active", event=event), ENDED: ended}


@pytest.fixture
def ask(app, world):
    """Calls an endpoint as its row says."""

    def fill(value):
        if isinstance(value, list):
            return [fill(item) for item in value]
        return world.get(value, value) if isinstance(value, str) else value

    def ask(name, caller, headers=None):
        row = ALL_ROWS[name]
        if row.is_upload:
            parts = multipart(("f", "a.txt", b"12345"))
            return caller(name, headers=headers or {}, query_string=row.body, **parts)
        body = {key: fill(value) for key, value in row.body.items()}
        return caller(name, body, headers=headers or {})

    return ask


def all_but(privilege):
    """All privileges but this one and `admin`."""
    return {other: 1 for other in Privilege if other not in (privilege, Privilege.ADMIN)}


def key(app, **properties):
    """Who calls with a new key that has every privilege but `admin`."""
    made = {"title": "Key", "privileges": all_but(Privilege.ADMIN), **properties}
    return Caller(app.test_client(), api_keys.create(made, OPERATOR)[1])


@pytest.fixture
def session(app):
    """The id of an administrator's session."""
    record = {"username": "ann", "privileges": {"admin": 1}}
    users.create(record, PASSWORD, OPERATOR)
    return logins.log_in("ann", PASSWORD, "127.0.0.1", at_the_host).session_id


@pytest.fixture
def strangers(app, nobody, session):
    """Who is not known, by what they are told."""

    def spoiled(**changes):
        caller = key(app)
        newest = json.loads(next(iter(api_keys.listing()))[0])
        api_keys.update(newest["id"], changes, OPERATOR)
        return caller

    invalid = [Caller(nobody.client, "wrong"), spoiled(expires=1), spoiled(active=False)]
    return [(nobody, NO_KEY), *((caller, INVALID) for caller in invalid)]


def test_who_is_not_known_is_refused(ask, nobody, session, strangers, subtests):
    for name in ALL_ROWS:
        with subtests.test(name):
            for caller, text in strangers:
                assert_error(ask(name, caller), 403, "session", text)
            reply = ask(name, nobody, headers={"X-Session-ID": session})
            assert_error(reply, 403, "session", "Invalid session")


def test_who_has_no_privilege_is_told_which(app, ask, subtests):
    callers = {privilege: key(app, privileges=all_but(privilege)) for privilege in NEEDS.values()}
    records = count_records()
    for name, privilege in NEEDS.items():
        text = (
            f'API Key "Key" does not have the "{privilege.title}" privilege required to perform '
            "this action."
        )
        with subtests.test(name):
            assert_error(ask(name, callers[privilege]), 403, "access", text)
    assert count_records() == records


@pytest.mark.parametrize("limit", LIMITS)
def test_who_is_limited_is_refused_what_is_out_of_reach(app, ask, subtests, limit):
    caller = key(app, **LIMITS[limit])
    records = count_records()
    for name in [name for name in ROWS if getattr(ROWS[name], limit) == 403]:
        with subtests.test(name):
            check(ask(name, caller), 403)
    assert count_records() == records


@pytest.mark.parametrize(
    ("name", "limit"),
    [(name, limit) for name in ROWS for limit in LIMITS if getattr(ROWS[name], limit) != 403],
)
def test_who_is_limited_is_let_in_elsewhere(app, ask, name, limit):
    check(ask(name, key(app, **LIMITS[limit])), getattr(ROWS[name], limit))


@pytest.mark.parametrize("name", ALL_ROWS)
def test_administrators_are_let_in_whatever_their_limits(app, ask, session, name):
    caller = key(app, privileges={"admin": 1}, categories=["other"], groups=["other"])
    check(ask(name, caller), ALL_ROWS[name].admin)


@pytest.mark.parametrize("name", [name for name in ROWS if name in NEEDS])
def test_the_privilege_alone_is_enough(app, ask, name):
    assert ask(name, key(app, privileges={NEEDS[name]: 1})).status_code == ROWS[name].admin


def check(reply, status):
    assert reply.status_code == status, reply.text
    if status == 403:
        assert reply.json["code"] == "access"


def count_records():
    """How many actions are in the transaction log."""
    return db.read(lambda connection: Transaction.search(connection, Search(), 0, 0))[1]


def test_every_route_has_a_row(app):
    known = ALL_ROWS.keys() | OPEN
    assert endpoints.keys() == known
    routes = {rule.rule.removesuffix("/<path:_trailing_path>") for rule in app.url_map.iter_rules()}
    assert routes == {endpoint.path for endpoint in endpoints.values()} | FOR_EVERYBODY


def test_the_tables_agree_with_the_endpoints():
    for name in ALL_ROWS:
        assert not endpoints[name].is_open, name
        assert endpoints[name].privilege is NEEDS.get(name), name
    assert all(endpoints[name].is_open for name in OPEN)
