"""Every route by every kind of caller: who is let in, and who is told what."""

from dataclasses import dataclass, field
from typing import Any

import pytest

from blueprints.wire import endpoints
from core import json
from services import api_keys, logins, users
from services.access import OPERATOR, Privilege, at_the_host
from tests import factories
from tests.blueprints.api import EVENT, Caller, assert_error, multipart

NO_KEY = "No Session ID or API Key could be found"
INVALID = "Invalid API Key"
PASSWORD = "correct horse"
#: A job that runs, and one that has ended, in the place of ids.
LIVE, ENDED = "<live>", "<ended>"


@dataclass(frozen=True)
class Row:
    """A call that gets past the checks of its parameters, and what limited callers are answered.

    These have every privilege but `admin`; what they ask for is in category `general` and targets
    the group `main`.
    """

    #: The statuses for a key that is limited to another category, and to another group.
    category: int
    group: int
    body: dict[str, Any] = field(default_factory=dict)
    #: The status for an administrator.
    admin: int = 200
    is_upload: bool = False


def for_all(body: dict[str, Any] | None = None, admin: int = 200) -> Row:
    """What is the same for all callers, or shows the limited ones a part."""
    return Row(admin, admin, body or {}, admin)


def within_limits(body: dict[str, Any], admin: int = 200) -> Row:
    """What is refused to who has no access to the category or the targets."""
    return Row(403, 403, body, admin)


def within_categories(body: dict[str, Any]) -> Row:
    """What is refused to who has no access to the category."""
    return Row(403, 200, body)


def within_groups(body: dict[str, Any]) -> Row:
    """What is refused to who has no access to the group."""
    return Row(200, 403, body)


_EVENT = {"id": "etest"}
_FILE = {"id": ENDED, "path": "files/nosuch/x.txt"}
_PLUGIN = {"title": "x", "type": "event", "command": "/bin/true"}

#: A new endpoint is thought about here: what are those answered who are limited?
ROWS = {
    "get_event": within_limits(_EVENT),
    "get_event_history": within_limits(_EVENT),
    "create_event": within_limits({**EVENT, "id": "enew"}),
    "update_event": within_limits({**_EVENT, "notes": "x"}),
    "delete_event": within_limits(_EVENT, admin=409),
    "run_event": within_limits(_EVENT),
    "flush_event_queue": within_limits(_EVENT),
    "search_jobs": for_all(),
    "get_job": within_limits({"id": LIVE}),
    "get_job_log": within_limits({"id": ENDED}),
    "tail_live_job_log": within_limits({"id": LIVE}),
    "abort_job": within_limits({"id": LIVE}),
    "resume_job": within_limits({"id": LIVE}, admin=409),
    "job_skip_delay": within_limits({"id": LIVE}, admin=409),
    # Keys have no address: that is said before the job is looked at.
    "job_toggle_notify_me": for_all({"id": LIVE}, admin=400),
    "delete_job": within_limits({"id": ENDED}),
    "delete_job_file": within_limits(_FILE, admin=404),
    "manage_job_tags": within_limits({"id": ENDED, "tags": []}),
    "manage_job_tickets": within_limits({"id": ENDED, "tickets": []}),
    # Lists leave out what is out of reach.
    "get_jobs": for_all({"ids": [LIVE]}),
    "get_events": for_all(),
    "get_active_jobs": for_all(),
    "get_active_job_summary": for_all(),
    "get_workflow_job_summary": for_all(),
    "get_categories": for_all(),
    # Categories and groups are what callers are limited to.
    "get_category": within_categories({"id": "general"}),
    "create_category": within_categories({"id": "canew", "title": "x"}),
    "update_category": within_categories({"id": "general", "notes": "x"}),
    "multi_update_category": within_categories({"items": [{"id": "general"}]}),
    "delete_category": within_categories({"id": "empty"}),
    "get_group": within_groups({"id": "main"}),
    "create_group": within_groups({"title": "x"}),
    "update_group": within_groups({"id": "main", "notes": "x"}),
    "multi_update_groups": within_groups({"items": [{"id": "main"}]}),
    "delete_group": within_groups({"id": "gempty"}),
    # Tags, plugins and roles are the same for everybody.
    **{f"get_{kind}s": for_all() for kind in ("tag", "plugin", "group", "role")},
    "get_tag": for_all({"id": "flag"}),
    "create_tag": for_all({"title": "x"}),
    "update_tag": for_all({"id": "flag", "notes": "x"}),
    "delete_tag": for_all({"id": "flag"}),
    "get_plugin": for_all({"id": "testplug"}),
    "create_plugin": for_all(_PLUGIN),
    "update_plugin": for_all({"id": "testplug", "notes": "x"}),
    "delete_plugin": for_all({"id": "testplug"}),
    # Who is limited must not widen a role of their own.
    "get_role": for_all({"id": "rtest"}),
    "create_role": within_limits({"title": "x"}),
    "update_role": within_limits({"id": "rtest", "notes": "x"}),
    "delete_role": for_all({"id": "rtest"}),
    # What clients load as they start is for callers without limits.
    "get_multiple": within_limits({"lists": "tags"}),
    **dict.fromkeys(("dash_stats", "config"), within_limits({})),
    **{f"get_{kind}": within_limits({}) for kind in ("active_servers", "server_summaries")},
    "get_server": within_limits({"id": "snosuch"}, admin=404),
    "get_active_server": within_limits({"id": "snosuch"}, admin=404),
    **{
        f"get_{kind}": within_limits({})
        for kind in ("alerts", "buckets", "channels", "monitors", "secrets", "tickets", "web_hooks")
    },
    **{
        f"search_{kind}": within_limits({})
        for kind in ("alerts", "servers", "snapshots", "tickets")
    },
    "get_channel": within_limits({"id": "nnosuch"}, admin=404),
    "create_channel": within_limits({"title": "x"}),
    "update_channel": within_limits({"id": "nnosuch"}, admin=404),
    "delete_channel": within_limits({"id": "nnosuch"}, admin=404),
    "get_web_hook": within_limits({"id": "wnosuch"}, admin=404),
    "create_web_hook": within_limits({"title": "x", "url": "http://127.0.0.1:9/"}),
    "update_web_hook": within_limits({"id": "wnosuch"}, admin=404),
    "delete_web_hook": within_limits({"id": "wnosuch"}, admin=404),
    "test_web_hook": within_limits({"url": "http://127.0.0.1:9/"}),
    # Files belong to who uploads them.
    "upload_files": Row(200, 200, is_upload=True),
    "upload_job_input_files": Row(200, 200, is_upload=True),
}
#: Endpoints for administrators, who have no limits: their calls.
FOR_ADMINS: dict[str, dict[str, Any]] = {
    "update_job": {"id": ENDED, "label": "x"},
    "search_activity": {},
    "get_api_keys": {},
    "get_api_key": {"id": "kadmin"},
    "create_api_key": {"title": "x"},
    "update_api_key": {"id": "kadmin", "description": "x"},
    "delete_api_key": {"id": "kadmin"},
    "user/admin_create": {"username": "bob", "password": PASSWORD},
    "user/admin_update": {"username": "ann"},
    "user/admin_delete": {"username": "ann"},
    "user/admin_get_user": {"username": "ann"},
    "user/admin_get_users": {},
}
#: Endpoints that take no keys, or other credentials as well: those have tests of their own.
OPEN = {
    *("ping", "echo", "file", "magic", "stream_job", "view_job_log", "download_job_log"),
    *("upload_job_file", "finish_job", "user/login", "user/logout", "user/resume_session"),
}
#: Routes that are no endpoints of the API, for everybody.
FOR_EVERYBODY = {
    *("/files/", "/files/<path:key>", "/health", "/ready", "/api/openapi.json", "/api/docs"),
}

ALL_ROWS = {**ROWS, **{name: Row(403, 403, body) for name, body in FOR_ADMINS.items()}}


@pytest.fixture
def world(call, event):
    """The ids of what rows are about, by how these name them."""
    call("create_category", {"id": "empty", "title": "Empty", "enabled": True})
    call("create_group", {"id": "gempty", "title": "Empty"})
    call("create_role", {"id": "rtest", "title": "Role"})
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
            return caller(name, headers=headers or {}, **multipart(("f", "a.txt", b"12345")))
        body = {key: fill(value) for key, value in row.body.items()}
        return caller(name, body, headers=headers or {})

    return ask


def key(app, **properties):
    """Who calls with a new key that has every privilege but `admin`."""
    powers = {privilege: 1 for privilege in Privilege if privilege is not Privilege.ADMIN}
    made = {"title": "Key", "privileges": powers, **properties}
    return Caller(app.test_client(), api_keys.create(made, OPERATOR)[1])


@pytest.fixture
def session(app, monkeypatch):
    """The id of an administrator's session."""
    record = {"username": "ann", "privileges": {"admin": 1}}
    monkeypatch.setattr("services.passwords.hashed", lambda _password: "x")
    monkeypatch.setattr("services.passwords.fits", lambda *_: True)
    users.create(record, PASSWORD, OPERATOR)
    return logins.log_in("ann", PASSWORD, "127.0.0.1", at_the_host).session_id


@pytest.mark.parametrize("name", ALL_ROWS)
def test_who_is_not_known_is_refused(app, ask, nobody, session, name):
    assert_error(ask(name, nobody), 403, "session", NO_KEY)
    assert_error(ask(name, Caller(nobody.client, "wrong")), 403, "session", INVALID)
    for spoiled in ({"expires": 1}, {"active": False}):
        caller = key(app)
        record = api_keys_newest()
        api_keys.update(record["id"], spoiled, OPERATOR)
        assert_error(ask(name, caller), 403, "session", INVALID)
    reply = ask(name, nobody, headers={"X-Session-ID": session})
    assert_error(reply, 403, "session", "Invalid session")


@pytest.mark.parametrize("name", ALL_ROWS)
def test_who_has_no_privilege_is_told_which(app, ask, name):
    privilege = endpoints[name].privilege
    if privilege is None:
        return
    others = {other: 1 for other in Privilege if other not in (privilege, Privilege.ADMIN)}
    text = f'API Key "Key" does not have the "{privilege.title}" privilege'
    assert_error(ask(name, key(app, privileges=others)), 403, "access", text)


@pytest.mark.parametrize("name", ROWS)
def test_who_is_limited_to_another_category(app, ask, name):
    check(ask(name, key(app, categories=["other"])), ROWS[name].category)


@pytest.mark.parametrize("name", ROWS)
def test_who_is_limited_to_another_group(app, ask, name):
    check(ask(name, key(app, groups=["other"])), ROWS[name].group)


@pytest.mark.parametrize("name", ALL_ROWS)
def test_administrators_are_let_in_whatever_their_limits(app, ask, session, name):
    caller = key(app, privileges={"admin": 1}, categories=["other"], groups=["other"])
    check(ask(name, caller), ALL_ROWS[name].admin)


def check(reply, status):
    assert reply.status_code == status, reply.text
    if status == 403:
        assert reply.json["code"] == "access"


def api_keys_newest():
    return json.loads(next(iter(api_keys.listing()))[0])


def test_every_route_has_a_row(app):
    known = ALL_ROWS.keys() | OPEN
    assert endpoints.keys() == known
    routes = {rule.rule.removesuffix("/<path:_trailing_path>") for rule in app.url_map.iter_rules()}
    assert routes == {endpoint.path for endpoint in endpoints.values()} | FOR_EVERYBODY


def test_the_tables_agree_with_the_endpoints():
    for name in ALL_ROWS:
        assert not endpoints[name].is_open, name
        assert (endpoints[name].privilege is Privilege.ADMIN) == (name in FOR_ADMINS), name
    assert all(endpoints[name].is_open for name in OPEN)
