"""Who may call: where keys are found, which ones open, and what each endpoint asks for."""

import pytest

from models.api_key import ApiKey
from models.database import db
from tests.blueprints.api import ADMIN_KEY, EVENT, assert_error

pytestmark = pytest.mark.databases("sqlite")

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


@pytest.mark.parametrize("value", [0, False, None, ""])
def test_a_privilege_that_is_off_is_none(make_key, value):
    other = make_key(privileges={"abort_jobs": value})
    assert other("abort_job", {"id": "jx"}).json["code"] == "access"


def test_parameters_are_checked_before_the_key(nobody):
    assert_error(nobody("abort_job", {}), 400, "api", "Missing parameter: id")
    assert_error(nobody("get_jobs", {}), 400, "job", "Missing or malformed ids parameter.")
    assert_error(nobody("run_event", {}), 400, "event", "Failed to locate event: No criteria")
    assert_error(nobody("create_event", {}), 400, "api", "Missing parameter: title")
    event = {**EVENT, "params": {}}
    text = "Event Plugin: Parameter 'script' is required."
    assert_error(nobody("create_event", event), 400, "api", text)


def test_the_privilege_is_checked_before_existence(make_key, call):
    assert_error(make_key()("abort_job", {"id": "jx"}), 403, "access", "API Key")
    assert_error(call("abort_job", {"id": "jx"}), 404, "job", "Job not found")


def test_markup_in_a_title_is_taken_out_of_messages(make_key):
    reply = make_key(title="A <b>bold</b> key")("abort_job", {"id": "jx"})
    assert reply.json["description"].startswith('API Key "A bold key" does not have')
