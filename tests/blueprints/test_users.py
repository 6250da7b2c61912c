"""Users and sessions: logging in, what a session may do, and what ends it."""

import re

import pytest

from models.database import db
from services import rates, sessions
from tests.blueprints.api import Caller, assert_error

PASSWORD = "correct horse"
WRONG = "Username or password incorrect."
FORGED = "Invalid session"


@pytest.fixture
def ann(call):
    """A user's record."""
    reply = call("user/admin_create", {"username": "Ann", "password": PASSWORD, "email": "a@b.c"})
    assert reply.status_code == 200, reply.text
    return reply.json["user"]


def log_in(app, username="ann", password=PASSWORD, **options):
    client = Caller(app.test_client(), None)
    return client, client("user/login", {"username": username, "password": password}, **options)


@pytest.fixture
def login(app, ann):
    """The reply to a login of the user."""
    _, reply = log_in(app)
    assert reply.status_code == 200, reply.text
    return reply.json


def headers(login, *, proof=True):
    token = {"X-CSRF-Token": login["csrf_token"]} if proof else {}
    return {"X-Session-ID": login["session_id"], **token}


def test_a_new_user_has_the_first_privileges_and_no_secrets(call, ann):
    assert ann["username"] == "ann"
    assert sorted(ann["privileges"]) == [
        *("create_events", "create_tickets", "edit_events", "edit_tickets"),
        *("run_jobs", "tag_jobs"),
    ]
    assert call("user/admin_get_user", {"username": "ANN"}).json["user"] == ann
    reply = call("user/admin_get_users", {})
    assert (reply.json["rows"], reply.json["list"]) == ([ann], {"length": 1})
    assert "password" not in reply.text
    again = call("user/admin_create", {"username": "ann", "password": PASSWORD})
    assert_error(again, 409, "user", "User already exists: ann")


@pytest.mark.parametrize(
    ("body", "text"),
    [
        ({"username": ...}, "Missing parameter: username"),
        ({"username": "a b"}, "Malformed parameter: username"),
        ({"username": "a" * 65}, "Malformed parameter: username"),
        ({"password": ...}, "Missing parameter: password"),
        ({"password": 12345678}, "Malformed parameter type: password (number)"),
        ({"password": "short"}, "Password must have at least 8 characters."),
        ({"password": "x" * 1001}, "Malformed parameter: password"),
        ({"privileges": []}, "Malformed parameter type: privileges (object)"),
        ({"roles": "x"}, "Parameter is not an array: roles"),
        ({"email": 5}, "Malformed parameter type: email (number)"),
        ({"full_name": "a\x00"}, "Malformed parameter value: full_name"),
        ({"active": "yes"}, "Malformed parameter type: active (string)"),
    ],
)
def test_malformed_users_are_refused(call, body, text):
    sent = {"username": "bob", "password": PASSWORD, **body}
    sent = {key: value for key, value in sent.items() if value is not ...}
    assert_error(call("user/admin_create", sent), 400, "api", text)


@pytest.mark.parametrize("name", ["admin_update", "admin_delete", "admin_get_user"])
def test_an_unknown_user_is_not_found(call, name):
    reply = call(f"user/{name}", {"username": "nosuch"})
    assert_error(reply, 404, "user", "User not found: nosuch")


def test_a_login_brings_a_session_and_a_cookie_that_scripts_cant_read(app, ann):
    client, reply = log_in(app, "ANN")
    assert reply.json["user"] == ann
    assert reply.json["username"] == "ann"
    assert re.fullmatch(r"[\w\-]{43}", reply.json["session_id"])
    cookie = reply.headers["Set-Cookie"]
    assert cookie.startswith(f"session_id={reply.json['session_id']};")
    for part in ("HttpOnly", "SameSite=Lax", "Path=/", "Max-Age=2592000"):
        assert part in cookie
    assert "Secure" not in cookie
    assert client("get_tags").status_code == 200
    _, reply = log_in(app, base_url="https://localhost")
    assert "Secure" in reply.headers["Set-Cookie"]


def test_neither_session_nor_password_is_stored(login):
    for table in ("sessions", "users", "transactions"):
        rows = str(db.read(lambda c, t=table: c.exec_driver_sql(f"SELECT * FROM {t}").all()))
        assert PASSWORD not in rows
        assert login["session_id"] not in rows


def test_wrong_names_and_passwords_are_the_same_error(app, ann):
    for username, password in (("ann", "wrong"), ("nosuch", PASSWORD), ("ann", "")):
        _, reply = log_in(app, username, password)
        assert_error(reply, 400, "login", WRONG)
        assert "Set-Cookie" not in reply.headers


@pytest.mark.parametrize(
    ("body", "text"),
    [
        ({}, "Missing parameter: username"),
        ({"username": "ann"}, "Missing parameter: password"),
        ({"username": ["a", "b"], "password": "x"}, "Malformed parameter: username"),
        ({"username": "ann", "password": ["x"]}, "Malformed parameter type: password (object)"),
        ({"username": "ann", "password": None}, "Malformed parameter type: password (object)"),
        ({"username": "a\x00", "password": "x"}, "Malformed parameter: username"),
    ],
)
def test_a_malformed_login_is_an_ordinary_400(nobody, body, text):
    assert_error(nobody("user/login", body), 400, "api", text)


def test_a_login_from_another_site_is_refused(app, ann):
    _, reply = log_in(app, headers={"Sec-Fetch-Site": "cross-site"})
    assert_error(reply, 403, "session", FORGED)


def test_too_many_wrong_logins_are_429_even_with_the_right_password(app, ann, monkeypatch):
    monkeypatch.setattr(rates.clock, "now", lambda: 3e9)
    for _ in range(10):
        assert_error(log_in(app, password="wrong password")[1], 400, "login", WRONG)
    _, reply = log_in(app)
    assert_error(reply, 429, "rate", "Too many failed logins")
    assert 1 <= int(reply.headers["Retry-After"]) <= 300
    assert_error(log_in(app, "bob")[1], 400, "login", WRONG)


def test_right_logins_are_not_limited(app, ann):
    assert [log_in(app)[1].status_code for _ in range(12)] == [200] * 12


def test_a_session_acts_as_its_user(nobody, login, event):
    reply = nobody("run_event", {"id": event}, headers=headers(login))
    assert reply.status_code == 200, reply.text
    job = nobody("get_job", headers=headers(login), query_string={"id": reply.json["id"]}).json
    assert (job["job"]["username"], job["job"]["source"]) == ("ann", "user")
    reply = nobody("abort_job", {"id": "jx"}, headers=headers(login))
    text = 'You do not have the "Abort Jobs" privilege required to perform this action.'
    assert_error(reply, 403, "access", text)


def test_a_session_in_the_body_works_with_its_token_there(nobody, login):
    body = {"session_id": login["session_id"]}
    assert_error(nobody("get_tags", body), 403, "session", FORGED)
    assert nobody("get_tags", {**body, "csrf_token": login["csrf_token"]}).status_code == 200
    assert_error(nobody("get_tags", {**body, "csrf_token": "x"}), 403, "session", FORGED)
    reply = nobody("get_tags", {**body, "csrf_token": 5})
    assert_error(reply, 400, "api", "Malformed parameter type: csrf_token (number)")


@pytest.mark.parametrize(
    ("method", "name", "by_cookie", "status"),
    [
        ("GET", "get_tags", False, 200),
        ("HEAD", "get_tags", False, 200),
        ("POST", "get_tags", False, 403),
        ("GET", "get_tags", True, 200),
        ("POST", "get_tags", True, 403),
        # GET acts in this API, and browsers send cookies with any of them.
        ("GET", "run_event", False, 400),
        ("GET", "run_event", True, 403),
        ("HEAD", "run_event", True, 403),
    ],
)
def test_what_acts_needs_the_token(app, login, event, method, name, by_cookie, status):
    client = Caller(app.test_client(), None)
    sent = {} if by_cookie else headers(login, proof=False)
    if by_cookie:
        client.client.set_cookie("session_id", login["session_id"])
    query = {"id": "enosuch"} if name == "run_event" else {}
    options = {"method": method, "headers": sent, "query_string": query}
    if status == 400:
        status = 404
    assert client(name, **options).status_code == status
    proved = {**options, "headers": sent | {"X-CSRF-Token": login["csrf_token"]}}
    assert client(name, **proved).status_code == (404 if query else 200)


@pytest.mark.parametrize("site", ["cross-site", "same-site"])
def test_a_cookie_does_not_count_in_requests_of_other_sites(app, login, site):
    client = Caller(app.test_client(), None)
    client.client.set_cookie("session_id", login["session_id"])
    reply = client("get_tags", headers={"Sec-Fetch-Site": site})
    assert_error(reply, 403, "session", FORGED)
    assert client("get_tags", headers={"Sec-Fetch-Site": "same-origin"}).status_code == 200


def test_an_unknown_session_is_named_but_long_ones_are_cut(nobody):
    reply = nobody("get_tags", headers={"X-Session-ID": "x" * 500})
    text = f"Failed to fetch key: sessions/{'x' * 64}: Not found"
    assert_error(reply, 403, "session", text)


def test_a_session_ends_by_the_clock(nobody, login, monkeypatch):
    assert nobody("get_tags", headers=headers(login)).status_code == 200
    now = sessions.clock.now()
    monkeypatch.setattr(sessions.clock, "now", lambda: now + 31 * 86400)
    reply = nobody("get_tags", headers=headers(login))
    assert_error(reply, 403, "session", "Session has expired or is invalid.")


def test_a_resumed_session_lasts_longer_and_tells_its_token(app, login, monkeypatch):
    client = Caller(app.test_client(), None)
    client.client.set_cookie("session_id", login["session_id"])
    now = sessions.clock.now()
    monkeypatch.setattr(sessions.clock, "now", lambda: now + 20 * 86400)
    resumed = client("user/resume_session", {}).json
    assert resumed == login
    monkeypatch.setattr(sessions.clock, "now", lambda: now + 40 * 86400)
    assert client("get_tags").status_code == 200


def test_a_logout_needs_the_token_and_ends_the_session(nobody, login):
    reply = nobody("user/logout", {}, headers=headers(login, proof=False))
    assert_error(reply, 403, "session", FORGED)
    reply = nobody("user/logout", {}, headers=headers(login))
    assert reply.json == {"code": 0}
    assert "session_id=;" in reply.headers["Set-Cookie"]
    reply = nobody("get_tags", headers=headers(login))
    assert_error(reply, 403, "session", "Failed to fetch key: sessions/")


@pytest.mark.parametrize("name", ["user/logout", "user/resume_session"])
def test_without_a_session_there_is_none_to_end_or_resume(call, name):
    assert_error(call(name, {}), 403, "session", "No Session ID could be found")


def test_a_disabled_user_may_do_nothing_at_once(app, call, nobody, login):
    call("user/admin_update", {"username": "ann", "active": False})
    text = "User account is disabled: ann"
    assert_error(nobody("get_tags", headers=headers(login)), 403, "session", text)
    assert_error(nobody("user/resume_session", {}, headers=headers(login)), 403, "session", text)
    assert_error(log_in(app)[1], 403, "session", text)
    assert_error(log_in(app, password="wrong one")[1], 400, "login", WRONG)


@pytest.mark.parametrize(
    ("name", "change"), [("admin_update", {"new_password": "another horse"}), ("admin_delete", {})]
)
def test_another_password_and_deletion_end_sessions(app, call, nobody, login, name, change):
    assert call(f"user/{name}", {"username": "ann", **change}).json == {"code": 0}
    reply = nobody("get_tags", headers=headers(login))
    assert_error(reply, 403, "session", "Failed to fetch key: sessions/")
    assert_error(log_in(app)[1], 400, "login", WRONG)
    assert log_in(app, password="another horse")[1].status_code == (200 if change else 400)


def test_changes_to_a_user_and_its_roles_count_at_once(call, nobody, login):
    call("create_role", {"id": "ops", "title": "Ops", "privileges": {"abort_jobs": 1}})
    call("user/admin_update", {"username": "ann", "roles": ["ops"]})
    assert nobody("abort_job", {"id": "jx"}, headers=headers(login)).status_code == 404
    call("update_role", {"id": "ops", "enabled": False})
    assert nobody("abort_job", {"id": "jx"}, headers=headers(login)).status_code == 403


def test_logins_and_logouts_are_recorded(call, nobody, login):
    nobody("user/logout", {}, headers=headers(login))
    rows = call("search_activity", {"limit": 2}).json["rows"]
    assert [row["action"] for row in rows] == ["user_logout", "user_login"]
    assert {row["username"] for row in rows} == {"ann"}
    assert rows[0]["ip"] == "127.0.0.1"


def test_users_at_the_command_line(app, monkeypatch):
    runner = app.test_cli_runner()

    def run(*arguments, typed=""):
        return runner.invoke(args=["users", *arguments], input=typed)

    assert run("create", "bob", "--privilege", "admin", typed=f"{PASSWORD}\n").exit_code == 0
    assert "already exists" in run("create", "bob", typed=f"{PASSWORD}\n").output
    assert "at least 8" in run("create", "eve", typed="x\n").output
    assert log_in(app, "bob")[1].json["user"]["privileges"] == {"admin": 1}
    assert run("password", "bob", typed="another horse\n").exit_code == 0
    assert log_in(app, "bob", "another horse")[1].status_code == 200
    assert run("list").output == "bob\tactive\tadmin\t\n"
    assert run("disable", "bob").exit_code == 0
    assert "disabled" in run("list").output
    assert "User not found: nosuch" in run("disable", "nosuch").output
