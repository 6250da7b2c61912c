"""The endpoints of roles, and what roles add to keys."""

import pytest

from tests.blueprints.api import assert_error

NO_ACCESS = "You do not have the required account privileges to"


def made(call, **properties):
    reply = call("create_role", {"title": "Role", **properties})
    assert reply.status_code == 200, reply.text
    return reply.json["role"]


def test_a_role_is_stored_listed_and_shown(call, make_key):
    role = made(call, id="ops", privileges={"run_jobs": 1}, username="eve")
    assert role["enabled"] is True
    assert (role["categories"], role["groups"]) == ([], [])
    assert (role["username"], role["revision"]) == ("admin", 1)
    reader = make_key()
    assert reader("get_role", {"id": "ops"}).json["role"] == role
    reply = reader("get_roles").json
    assert (reply["rows"], reply["list"]) == ([role], {"length": 1})
    assert call("get_multiple", {"lists": "roles"}).json["roles"] == [role]


def test_ids_are_made_up_and_unique(call):
    assert made(call)["id"].startswith("r")
    made(call, id="ops")
    again = call("create_role", {"id": "ops", "title": "x"})
    assert_error(again, 409, "role", "Role ID already exists: ops")


@pytest.mark.parametrize(
    ("name", "code", "text"),
    [
        ("get_role", "notfound", "Failed to locate role: rnosuch"),
        ("update_role", "role", "Failed to update role: Error: Item not found"),
        ("delete_role", "role", "Failed to delete role: Error: Item not found"),
    ],
)
def test_an_unknown_role_is_not_found(call, name, code, text):
    assert_error(call(name, {"id": "rnosuch"}), 404, code, text)


@pytest.mark.parametrize(
    ("body", "text"),
    [
        ({"title": ""}, "Malformed parameter: title"),
        ({"title": 5}, "Malformed parameter type: title (number)"),
        ({"privileges": ["admin"]}, "Malformed parameter type: privileges (object)"),
        ({"categories": "general"}, "Parameter is not an array: categories"),
        ({"groups": [1]}, "Malformed parameter: groups"),
    ],
)
def test_malformed_roles_are_refused(call, body, text):
    assert_error(call("create_role", {"title": "x", **body}), 400, "api", text)
    made(call, id="ops")
    assert_error(call("update_role", {"id": "ops", **body}), 400, "api", text)


def test_a_keys_privileges_are_its_own_and_those_of_its_enabled_roles(call, make_key):
    made(call, id="ops", privileges={"abort_jobs": 1, "delete_jobs": 0})
    key = make_key(privileges={"tag_jobs": 1}, roles=["ops", "nosuch", "\x00", "'"])
    assert key("abort_job", {"id": "jx"}).status_code == 404
    assert key("manage_job_tags", {"id": "jx", "tags": []}).status_code == 404
    assert key("delete_job", {"id": "jx"}).status_code == 403
    call("update_role", {"id": "ops", "enabled": False})
    assert key("abort_job", {"id": "jx"}).status_code == 403
    call("update_role", {"id": "ops", "enabled": True, "privileges": {"delete_jobs": 1}})
    assert key("abort_job", {"id": "jx"}).status_code == 403
    assert key("delete_job", {"id": "jx"}).status_code == 404


def test_limits_of_key_and_roles_add_up(call, make_key, event, live_job):
    call("create_category", {"id": "other", "title": "Other", "enabled": True})
    made(call, id="wide", categories=["general"])
    narrow = make_key(categories=["other"])
    assert_error(narrow("get_job", {"id": live_job}), 403, "access", f"{NO_ACCESS} access category")
    both = make_key(categories=["other"], roles=["wide"])
    assert both("get_job", {"id": live_job}).status_code == 200
    call("update_role", {"id": "wide", "categories": [], "groups": ["elsewhere"]})
    assert both("get_job", {"id": live_job}).status_code == 403


def test_an_administrator_by_a_role_has_no_limits(call, make_key, live_job):
    made(call, id="boss", privileges={"admin": True})
    key = make_key(categories=["nosuch"], roles=["boss"])
    assert key("get_job", {"id": live_job}).status_code == 200
    assert key("get_api_keys").status_code == 200


def test_nobody_gives_more_than_they_have(call, make_key):
    made(call, id="ops", privileges={"run_jobs": 1})
    editor = make_key(
        title="Ed", privileges={"create_roles": 1, "edit_roles": 1, "run_jobs": 1}, roles=["ops"]
    )
    text = 'API Key "Ed" does not have the "Administrator" privilege'
    for grant in ({"admin": True}, {"no_such_privilege": 1}):
        assert_error(
            editor("create_role", {"title": "x", "privileges": grant}), 403, "access", text
        )
        reply = editor("update_role", {"id": "ops", "privileges": grant})
        assert_error(reply, 403, "access", text)
    assert editor("update_role", {"id": "ops", "privileges": {"run_jobs": 1}}).status_code == 200
    limited = make_key(privileges={"edit_roles": 1}, categories=["general"])
    reply = limited("update_role", {"id": "ops", "categories": []})
    assert_error(reply, 403, "access", f"{NO_ACCESS} use this API.")


def test_a_role_in_use_stays(call, make_key):
    made(call, id="ops", categories=["general"])
    make_key(title="Nightly", roles=["ops"])
    text = 'Failed to delete role: Still in use by "Nightly".'
    assert_error(call("delete_role", {"id": "ops"}), 409, "role", text)
    key_id = call("get_api_keys", {}).json["rows"][0]["id"]
    call("update_api_key", {"id": key_id, "roles": []})
    assert call("delete_role", {"id": "ops"}).json == {"code": 0}
