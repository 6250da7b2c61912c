"""Who may call: where keys are found, which ones open, and what each endpoint asks for."""

import pytest

from blueprints.wire import endpoints
from models.api_key import ApiKey
from models.database import db
from services.access import Privilege
from tests.blueprints.api import ADMIN_KEY, assert_error

NO_KEY = "No Session ID or API Key could be found"
INVALID = "Invalid API Key"


@pytest.mark.parametrize(
    "options",
    [
        {"headers": {"X-API-Key": ADMIN_KEY}},
        {"headers": {"Authorization": f"Bearer {ADMIN_KEY}"}},
        {"headers": {"Authorization": f"bearer  {ADMIN_KEY}"}},
        {"query_string": {"api_key": ADMIN_KEY}},
        {"query_string": {"api_key": ADMIN_KEY}, "method": "POST"},
        {"json": {"api_key": ADMIN_KEY}, "method": "POST"},
        {"data": {"api_key": ADMIN_KEY}, "method": "POST"},
        {"headers": {"X-API-Key": ""}, "query_string": {"api_key": ADMIN_KEY}},
        {"headers": {"X-API-Key": ADMIN_KEY}, "query_string": {"api_key": "wrong"}},
        {"headers": {"X-Session-ID": "", "X-API-Key": ADMIN_KEY}},
        {"headers": {"X-API-Key": ADMIN_KEY}, "json": {"session_id": ""}, "method": "POST"},
        {"headers": {"X-API-Key": ADMIN_KEY}, "query_string": {"session_id": "x"}},
        {"headers": {"X-API-Key": ADMIN_KEY}, "json": {"api_key": None}, "method": "POST"},
    ],
)
def test_a_key_is_found_wherever_it_may_be(nobody, options):
    assert nobody("get_tags", **options).json["code"] == 0


def test_an_empty_session_cookie_blocks_no_key(call):
    call.client.set_cookie("session_id", "")
    assert call("get_tags").json["code"] == 0


@pytest.mark.parametrize(
    ("options", "text"),
    [
        ({}, NO_KEY),
        ({"headers": {"X-API-Key": ""}}, NO_KEY),
        ({"headers": {"Authorization": "Basic abc"}}, NO_KEY),
        ({"headers": {"Authorization": "Bearer"}}, NO_KEY),
        ({"headers": {"X-API-Key": "wrong"}}, INVALID),
        ({"headers": {"X-API-Key": "é" * 100}}, INVALID),
        ({"headers": {"X-API-Key": "x" * 100_000}}, INVALID),
        ({"headers": {"X-API-Key": "wrong"}, "query_string": {"api_key": ADMIN_KEY}}, INVALID),
        ({"json": {"api_key": "wrong"}, "query_string": {"api_key": ADMIN_KEY}}, INVALID),
        ({"headers": {"X-Session-ID": "abc"}}, "Failed to fetch key: sessions/abc: Not found"),
        ({"json": {"session_id": "abc"}}, "Failed to fetch key: sessions/abc: Not found"),
        (
            {"headers": {"X-Session-ID": "abc", "X-API-Key": ADMIN_KEY}},
            "Failed to fetch key: sessions/abc",
        ),
    ],
)
def test_who_has_no_valid_key_is_refused(nobody, options, text):
    assert_error(nobody("get_tags", method="POST", **options), 403, "session", text)


def test_a_session_cookie_wins_over_a_key(call):
    call.client.set_cookie("session_id", "a" * 64)
    assert_error(call("get_tags"), 403, "session", "Failed to fetch key: sessions/")


@pytest.mark.parametrize(
    ("name", "value", "type_"),
    [
        ("api_key", 5, "number"),
        ("api_key", ["x"], "object"),
        ("api_key", {"x": 1}, "object"),
        ("api_key", True, "boolean"),
        ("session_id", 5, "number"),
        ("session_id", ["x"], "object"),
    ],
)
def test_a_credential_that_is_no_text_is_an_ordinary_400(nobody, name, value, type_):
    reply = nobody("get_tags", {name: value})
    assert_error(reply, 400, "api", f"Malformed parameter type: {name} ({type_})")


def test_a_repeated_key_in_the_query_is_an_ordinary_400(nobody):
    reply = nobody("/api/app/get_tags/v1?api_key=a&api_key=b")
    assert_error(reply, 400, "api", "Malformed parameter type: api_key (object)")


@pytest.mark.parametrize(
    "change", [{"active": 0}, {"active": False}, {"expires": 1}, {"expires": 1000.5}]
)
def test_a_disabled_or_expired_key_is_invalid_at_once(app, call, make_key, change):
    other = make_key()
    assert other("get_tags").status_code == 200
    key_id = call("get_api_keys", {}).json["rows"][0]["id"]
    assert call("update_api_key", {"id": key_id, **change}).json == {"code": 0}
    assert_error(other("get_tags"), 403, "session", INVALID)


@pytest.mark.parametrize("change", [{"expires": 0}, {"expires": None}, {"expires": 4e9}])
def test_a_key_that_expires_later_or_never_is_valid(make_key, change):
    assert make_key(**change)("get_tags").status_code == 200


def test_a_deleted_key_is_invalid_at_once(call, make_key):
    other = make_key()
    key_id = call("get_api_keys", {}).json["rows"][0]["id"]
    assert call("delete_api_key", {"id": key_id}).json == {"code": 0}
    assert_error(other("get_tags"), 403, "session", INVALID)


def test_a_digest_alone_does_not_open_a_record(app, make_key):
    """A record whose hash is another key's is not opened by a matching index entry."""
    other = make_key()
    record = db.read(ApiKey.all)[-1]
    db.write(lambda connection: ApiKey.replace(connection, {**record, "key": "0" * 64}))
    assert_error(other("get_tags"), 403, "session", INVALID)


#: Parameters with which each endpoint gets past its own checks.
VALID = {
    "get_job": {"id": "jx"},
    "get_jobs": {"ids": ["jx"]},
    "get_job_log": {"id": "jx"},
    "tail_live_job_log": {"id": "jx"},
    "stream_job": {"id": "jx"},
    "abort_job": {"id": "jx"},
    "resume_job": {"id": "jx"},
    "delete_job": {"id": "jx"},
    "update_job": {"id": "jx", "label": "x"},
    "manage_job_tags": {"id": "jx", "tags": []},
    "manage_job_tickets": {"id": "jx", "tickets": []},
    "job_skip_delay": {"id": "jx"},
    "job_toggle_notify_me": {"id": "jx"},
    "get_multiple": {"lists": "tags"},
    "get_server": {"id": "sx"},
    "get_active_server": {"id": "sx"},
    "flush_event_queue": {"id": "ex"},
    "get_event": {"id": "ex"},
    "update_event": {"id": "ex"},
    "delete_event": {"id": "ex"},
    "run_event": {"id": "ex"},
    "delete_job_file": {"id": "jx", "path": "x"},
    "upload_job_file": {"id": "jx", "auth": "x"},
    "finish_job": {"id": "jx", "auth": "x", "job": {}},
    "get_role": {"id": "rx"},
    "create_role": {"title": "x"},
    "update_role": {"id": "rx"},
    "delete_role": {"id": "rx"},
    "user/login": {"username": "ux", "password": "x"},
    "user/admin_create": {"username": "ux", "password": "correct horse"},
    "user/admin_update": {"username": "ux"},
    "user/admin_delete": {"username": "ux"},
    "user/admin_get_user": {"username": "ux"},
    "get_api_key": {"id": "kx"},
    "create_api_key": {"title": "x"},
    "update_api_key": {"id": "kx"},
    "delete_api_key": {"id": "kx"},
    "get_event_history": {"id": "ex"},
    "multi_update_category": {"items": [{"id": "x"}]},
    "multi_update_groups": {"items": [{"id": "x"}]},
    "create_plugin": {"title": "x", "type": "event", "command": "x"},
    **{f"create_{kind}": {"title": "x"} for kind in ("category", "tag", "group")},
    **{
        f"{verb}_{kind}": {"id": "x"}
        for verb in ("get", "update", "delete")
        for kind in ("category", "tag", "plugin", "group")
    },
    "create_channel": {"title": "x"},
    **{f"{verb}_channel": {"id": "nx"} for verb in ("get", "update", "delete")},
    **{f"{verb}_web_hook": {"id": "wx"} for verb in ("get", "update", "delete")},
    **{f"{verb}_web_hook": {"title": "x", "url": "http://x"} for verb in ("create", "test")},
    "create_event": {
        "title": "x",
        "enabled": True,
        "category": "general",
        "targets": ["main"],
        "algo": "random",
        "plugin": "shellplug",
        "params": {"script": "true"},
    },
}
#: Endpoints that anybody may call; those with a token of their own among them.
OPEN = {
    *("ping", "echo", "view_job_log", "download_job_log", "file"),
    *("upload_job_file", "finish_job", "magic"),
    # Those of sessions look for one themselves: test_users.py has their cases.
    *("user/login", "user/logout", "user/resume_session"),
}
#: Endpoints that want files first: test_files.py has their cases.
WANT_FILES = {"upload_files", "upload_job_input_files"}
NEEDS = {
    "search_activity": Privilege.ADMIN,
    "create_category": Privilege.CREATE_CATEGORIES,
    "update_category": Privilege.EDIT_CATEGORIES,
    "multi_update_category": Privilege.EDIT_CATEGORIES,
    "delete_category": Privilege.DELETE_CATEGORIES,
    "create_tag": Privilege.CREATE_TAGS,
    "update_tag": Privilege.EDIT_TAGS,
    "delete_tag": Privilege.DELETE_TAGS,
    "create_plugin": Privilege.CREATE_PLUGINS,
    "update_plugin": Privilege.EDIT_PLUGINS,
    "delete_plugin": Privilege.DELETE_PLUGINS,
    "create_group": Privilege.CREATE_GROUPS,
    "update_group": Privilege.EDIT_GROUPS,
    "multi_update_groups": Privilege.EDIT_GROUPS,
    "delete_group": Privilege.DELETE_GROUPS,
    "abort_job": Privilege.ABORT_JOBS,
    "resume_job": Privilege.RUN_JOBS,
    "delete_job": Privilege.DELETE_JOBS,
    "delete_job_file": Privilege.DELETE_JOBS,
    "update_job": Privilege.ADMIN,
    "manage_job_tags": Privilege.TAG_JOBS,
    "manage_job_tickets": Privilege.EDIT_TICKETS,
    "job_skip_delay": Privilege.RUN_JOBS,
    "flush_event_queue": Privilege.ABORT_JOBS,
    "create_event": Privilege.CREATE_EVENTS,
    "update_event": Privilege.EDIT_EVENTS,
    "delete_event": Privilege.DELETE_EVENTS,
    "run_event": Privilege.RUN_JOBS,
    "create_channel": Privilege.CREATE_CHANNELS,
    "update_channel": Privilege.EDIT_CHANNELS,
    "delete_channel": Privilege.DELETE_CHANNELS,
    "create_web_hook": Privilege.CREATE_WEB_HOOKS,
    **dict.fromkeys(("update_web_hook", "test_web_hook"), Privilege.EDIT_WEB_HOOKS),
    "delete_web_hook": Privilege.DELETE_WEB_HOOKS,
    "create_role": Privilege.CREATE_ROLES,
    "update_role": Privilege.EDIT_ROLES,
    "delete_role": Privilege.DELETE_ROLES,
    **dict.fromkeys(("user/admin_create", "user/admin_update"), Privilege.ADMIN),
    **dict.fromkeys(("user/admin_delete", "user/admin_get_user"), Privilege.ADMIN),
    "user/admin_get_users": Privilege.ADMIN,
    "get_api_keys": Privilege.ADMIN,
    "get_api_key": Privilege.ADMIN,
    "create_api_key": Privilege.ADMIN,
    "update_api_key": Privilege.ADMIN,
    "delete_api_key": Privilege.ADMIN,
}


def closed_endpoints() -> list[str]:
    return [name for name in endpoints if name not in OPEN | WANT_FILES]


@pytest.mark.parametrize("name", closed_endpoints())
def test_every_endpoint_asks_for_its_privilege(make_key, name):
    poor = make_key(title="Poor")
    reply = poor(name, VALID.get(name, {}))
    if name not in NEEDS:
        assert reply.status_code != 403
        return
    text = (
        f'API Key "Poor" does not have the "{NEEDS[name].title}" privilege required to perform '
        "this action."
    )
    assert_error(reply, 403, "access", text)
    rich = make_key(privileges={NEEDS[name]: True})
    assert rich(name, VALID.get(name, {})).status_code != 403


@pytest.mark.parametrize("name", sorted(NEEDS))
def test_other_privileges_do_not_help(make_key, name):
    others = {privilege: True for privilege in Privilege if privilege not in (NEEDS[name], "admin")}
    assert make_key(privileges=others)(name, VALID.get(name, {})).status_code == 403


@pytest.mark.parametrize("value", [0, False, None, ""])
def test_a_privilege_that_is_off_is_none(make_key, value):
    other = make_key(privileges={"abort_jobs": value})
    assert other("abort_job", {"id": "jx"}).json["code"] == "access"


def test_parameters_are_checked_before_the_key(nobody):
    assert_error(nobody("abort_job", {}), 400, "api", "Missing parameter: id")
    assert_error(nobody("get_jobs", {}), 400, "job", "Missing or malformed ids parameter.")
    assert_error(nobody("run_event", {}), 400, "event", "Failed to locate event: No criteria")
    assert_error(nobody("create_event", {}), 400, "api", "Missing parameter: title")
    event = {**VALID["create_event"], "params": {}}
    text = "Event Plugin: Parameter 'script' is required."
    assert_error(nobody("create_event", event), 400, "api", text)


def test_the_privilege_is_checked_before_existence(make_key, call):
    assert_error(make_key()("abort_job", {"id": "jx"}), 403, "access", "API Key")
    assert_error(call("abort_job", {"id": "jx"}), 404, "job", "Job not found")


def test_markup_in_a_title_is_taken_out_of_messages(make_key):
    reply = make_key(title="A <b>bold</b> key")("abort_job", {"id": "jx"})
    assert reply.json["description"].startswith('API Key "A bold key" does not have')
