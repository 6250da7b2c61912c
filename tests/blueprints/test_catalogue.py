"""The endpoints of categories, tags, plugins and groups."""

import threading

import pytest

from models.database import db
from models.server import Server
from tests import factories
from tests.blueprints.api import EVENT, assert_error

PLUGIN = {"type": "event", "command": "/bin/true"}
#: What a new record of each kind needs beside its title.
HOOK = {"url": "https://hooks.example/x"}
KINDS = {
    "category": {"enabled": True},
    "tag": {},
    "plugin": PLUGIN,
    "group": {},
    "web_hook": HOOK,
    "channel": {},
    "secret": {},
    "bucket": {},
}
PLURALS = {
    "category": "categories",
    "tag": "tags",
    "plugin": "plugins",
    "group": "groups",
    "web_hook": "web_hooks",
    "channel": "channels",
    "secret": "secrets",
    "bucket": "buckets",
}


def server_groups():
    (server,) = db.read(Server.all)
    return server["groups"]


@pytest.mark.parametrize("kind", KINDS)
def test_a_record_lives_from_creation_to_deletion(call, kind):
    new = {"id": "x1", "title": "First", "color": "red", **KINDS[kind]}
    created = call(f"create_{kind}", new).json[kind]
    assert created.items() >= {**new, "username": "admin", "revision": 1}.items()
    assert call(f"get_{kind}", {"id": "x1"}).json[kind] == created
    rows = call(f"get_{PLURALS[kind]}").json
    assert rows["rows"][-1] == created
    assert rows["list"] == {"length": len(rows["rows"])}

    assert call(f"update_{kind}", {"id": "x1", "title": "Second"}).json == {"code": 0}
    updated = call(f"get_{kind}", {"id": "x1"}).json[kind]
    assert (updated["title"], updated["color"], updated["revision"]) == ("Second", "red", 2)
    assert call(f"delete_{kind}", {"id": "x1"}).json == {"code": 0}
    gone = call(f"get_{kind}", {"id": "x1"})
    assert_error(gone, 404, "notfound", f"Failed to locate {kind}: x1")


@pytest.mark.parametrize("kind", KINDS)
def test_every_change_is_recorded(call, kind):
    call(f"create_{kind}", {"id": "x1", "title": "First", **KINDS[kind]})
    call(f"update_{kind}", {"id": "x1", "title": "Second"})
    call(f"delete_{kind}", {"id": "x1"})

    rows = call("search_activity", {"keywords": "x1", "limit": 9}).json["rows"]
    assert [(row["action"], row["description"]) for row in rows] == [
        (f"{kind}_delete", "Second"),
        (f"{kind}_update", "Second"),
        (f"{kind}_create", "First"),
    ]
    assert rows[0][kind]["revision"] == 2


@pytest.mark.parametrize("kind", KINDS)
def test_unknown_records_can_not_be_changed(call, kind):
    text = f"Failed to update {kind}: Error: Item not found"
    assert_error(call(f"update_{kind}", {"id": "nosuch", "title": "x"}), 404, kind, text)
    text = f"Failed to delete {kind}: Error: Item not found"
    assert_error(call(f"delete_{kind}", {"id": "nosuch"}), 404, kind, text)


@pytest.mark.parametrize(
    ("kind", "text"),
    [
        ("category", "That Category ID already exists: x1"),
        ("tag", "Tag ID already exists: x1"),
        ("plugin", "That Plugin ID already exists: x1"),
        ("group", "That Group ID already exists: x1"),
    ],
)
def test_ids_are_unique_and_made_up_when_absent(call, kind, text):
    new = {"title": "First", **KINDS[kind]}
    assert call(f"create_{kind}", {"id": "x1", **new}).status_code == 200
    assert_error(call(f"create_{kind}", {"id": "x1", **new}), 409, kind, text)
    prefix = {"category": "ca", "tag": "t", "plugin": "p", "group": "g"}[kind]
    made_up = call(f"create_{kind}", new).json[kind]["id"]
    assert made_up.startswith(prefix)
    assert len(made_up) == 16


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize(
    ("change", "text"),
    [
        ({"title": ...}, "Missing parameter: title"),
        ({"title": " "}, "Malformed parameter: title"),
        ({"title": 5}, "Malformed parameter type: title (number)"),
        ({"title": "a\0b"}, "Malformed parameter value: title"),
        ({"title": "x" * 501}, "Malformed parameter value: title"),
        ({"title": "<b>"}, "Malformed title parameter: Cannot contain HTML metacharacters"),
        ({"icon": "a b"}, "Malformed icon parameter: Contains illegal characters"),
        ({"icon": []}, "Malformed parameter type: icon (object)"),
        ({"id": 5}, "Invalid ID parameter: 5 (not a string)"),
        ({"id": "A"}, "Malformed parameter: id"),
        ({"id": "x" * 256}, "Malformed parameter: id"),
        ({"enabled": "yes"}, "Malformed parameter type: enabled (string)"),
        ({"sort_order": True}, "Malformed parameter type: sort_order (boolean)"),
        ({"notes": 5}, "Malformed parameter type: notes (number)"),
        ({"__proto__": 1}, "Invalid parameter: __proto__ (illegal key)"),
    ],
)
def test_malformed_records_are_refused_whoever_asks(call, nobody, kind, change, text):
    new = {"id": "x1", "title": "First", **KINDS[kind], **change}
    body = {key: value for key, value in new.items() if value is not ...}
    assert_error(nobody(f"create_{kind}", body), 400, "api", text)
    if change.get("title") is not ...:
        body.setdefault("id", "x1")
        assert_error(call(f"update_{kind}", body), 400, "api", text)


# Secrets are for administrators: that is in the access matrix.
@pytest.mark.parametrize("kind", [kind for kind in KINDS if kind != "secret"])
def test_each_change_needs_its_privilege(make_key, kind):
    reader = make_key()
    title = PLURALS[kind].replace("_", " ").title()
    new = {"id": "x1", "title": "First", **KINDS[kind]}
    for verb, name in (("create", "Create"), ("update", "Edit"), ("delete", "Delete")):
        text = f'API Key "Test Key" does not have the "{name} {title}" privilege'
        assert_error(reader(f"{verb}_{kind}", new), 403, "access", text)
    assert reader(f"get_{PLURALS[kind]}").status_code == 200


@pytest.mark.parametrize("kind", KINDS)
def test_an_old_revision_is_refused(call, kind):
    call(f"create_{kind}", {"id": "x1", "title": "First", **KINDS[kind]})
    reply = call(f"update_{kind}", {"id": "x1", "title": "x", "revision": 7})
    text = f"{kind.capitalize()} out of date: x1 (Revision mismatch: 7 != 1)"
    assert_error(reply, 409, kind, text)
    assert call(f"update_{kind}", {"id": "x1", "revision": "1"}).status_code == 200


@pytest.mark.parametrize("kind", KINDS)
def test_what_only_the_server_sets_is_ignored(call, kind):
    own = {"username": "eve", "created": 5, "modified": 5, "revision": 1}
    created = call(f"create_{kind}", {"title": "x", **KINDS[kind], **own}).json[kind]
    assert (created["username"], created["revision"]) == ("admin", 1)
    assert created["created"] == created["modified"] > 5


def test_of_those_who_create_the_same_one_wins(app, call):
    replies = []

    def create():
        replies.append(call("create_category", {"id": "x1", "title": "x"}).status_code)

    threads = [threading.Thread(target=create) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(30)
    assert sorted(replies) == [200, 409, 409, 409]


def test_a_new_category_comes_last_and_has_lists(call):
    created = call("create_category", {"title": "x"}).json["category"]
    assert (created["limits"], created["actions"], created["sort_order"]) == ([], [], 1)
    assert "enabled" not in created
    assert call("create_category", {"title": "y"}).json["category"]["sort_order"] == 2


def test_a_categorys_limits_and_actions_are_checked(call):
    def create(**changes):
        return call("create_category", {"id": "x1", "title": "x", **changes})

    assert_error(create(limits=5), 400, "api", "Malformed event parameter: limits")
    assert_error(create(limits=[5]), 400, "api", "Malformed limit entry #1 (not an object)")
    assert_error(create(actions=[{}]), 400, "api", "Malformed action entry #1")
    assert create(limits=[{"type": "job", "enabled": True, "amount": 1}]).status_code == 200
    reply = call("update_category", {"id": "x1", "limits": None})
    assert reply.status_code == 200
    assert len(call("get_category", {"id": "x1"}).json["category"]["limits"]) == 1


def test_a_category_with_events_stays(call, event):
    text = "Failed to delete category: Still in use by one or more events."
    assert_error(call("delete_category", {"id": "general"}), 409, "category", text)


def test_a_plugin_with_events_stays(call, event):
    text = "Failed to delete plugin: Still in use by event: etest"
    assert_error(call("delete_plugin", {"id": "shellplug"}), 409, "plugin", text)
    call("create_plugin", {"id": "p1", "title": "x", "type": "scheduler", "command": "x"})
    trigger = {"type": "plugin", "enabled": True, "plugin_id": "p1"}
    call("update_event", {"id": "etest", "triggers": [trigger]})
    text = "Failed to delete plugin: Still in use by event: etest"
    assert_error(call("delete_plugin", {"id": "p1"}), 409, "plugin", text)
    assert call("delete_plugin", {"id": "testplug"}).status_code == 200


def test_a_group_with_events_stays(call, event):
    text = "Failed to delete group: Still in use by event: etest"
    assert_error(call("delete_group", {"id": "main"}), 409, "group", text)


def test_a_tag_goes_whoever_carries_it(call, event):
    call("update_event", {"id": event, "tags": ["flag"]})
    assert call("delete_tag", {"id": "flag"}).status_code == 200
    assert call("get_event", {"id": event}).json["event"]["tags"] == ["flag"]


@pytest.mark.parametrize("kind", ["category", "group"])
def test_several_are_changed_at_once(call, kind):
    name = f"multi_update_{kind}" if kind == "category" else "multi_update_groups"
    for key in ("x1", "x2"):
        call(f"create_{kind}", {"id": key, "title": key})
    items = [{"id": "x2", "sort_order": 1}, {"id": "nosuch"}, {"id": "x1", "sort_order": 2}]
    assert call(name, {"items": items}).json == {"code": 0}
    rows = {row["id"]: row for row in call(f"get_{PLURALS[kind]}").json["rows"]}
    assert (rows["x1"]["sort_order"], rows["x2"]["sort_order"]) == (2, 1)
    assert rows["x1"]["revision"] == 2
    found = call("search_activity", {"action": f"{kind}_multi_update"}).json["rows"]
    assert found[0]["items"] == items

    missing = "Request missing 'items' parameter, or has zero length."
    for none in ({}, {"items": []}, {"items": None}):
        assert_error(call(name, none), 403, "session", missing)
    for bad in (5, "x", [5], [[]], {"a": 1}, [{}] * 1001):
        assert_error(call(name, {"items": bad}), 400, "api", "Malformed parameter: items")
    assert_error(call(name, {"items": [{}]}), 400, "api", "Missing parameter: id")
    bad = [{"id": "x1", "title": "<b>"}]
    assert_error(call(name, {"items": bad}), 400, "api", "Malformed title parameter")


def test_limited_callers_reach_their_categories_only(call, make_key):
    call("create_category", {"id": "x1", "title": "x"})
    rights = {f"{verb}_categories": 1 for verb in ("create", "edit", "delete")}
    limited = make_key(privileges=rights, categories=["x1", "x2"])
    text = "You do not have the required account privileges to access category ID general."
    assert [row["id"] for row in limited("get_categories").json["rows"]] == ["x1"]
    assert limited("get_category", {"id": "x1"}).status_code == 200
    for name in ("get_category", "update_category", "delete_category"):
        assert_error(limited(name, {"id": "general"}), 403, "access", text)
    assert limited("create_category", {"id": "x2", "title": "x"}).status_code == 200
    denied = limited("create_category", {"id": "x3", "title": "x"})
    assert_error(denied, 403, "access", text.replace("general", "x3"))
    denied = limited("multi_update_category", {"items": [{"id": "x1"}]})
    assert_error(denied, 403, "access", text.replace("general", "*"))
    assert limited("get_tags").json["list"]["length"] == 2


def test_limited_callers_reach_their_groups_only(call, make_key):
    call("create_group", {"id": "x1", "title": "x"})
    limited = make_key(privileges={"edit_groups": 1}, groups=["x1"])
    text = "You do not have the required account privileges to access group ID main."
    assert [row["id"] for row in limited("get_groups").json["rows"]] == ["x1"]
    assert_error(limited("update_group", {"id": "main"}), 403, "access", text)
    assert limited("update_group", {"id": "x1", "title": "y"}).status_code == 200


def test_servers_join_and_leave_groups_by_their_names(call):
    call("create_group", {"id": "x1", "title": "x", "hostname_match": "^nosuchhost$"})
    assert server_groups() == ["main"]
    call("update_group", {"id": "x1", "hostname_match": "."})
    assert server_groups() == ["main", "x1"]
    call("update_group", {"id": "x1", "title": "y"})
    assert server_groups() == ["main", "x1"]
    call("delete_group", {"id": "x1"})
    assert server_groups() == ["main"]
    call("multi_update_groups", {"items": [{"id": "main", "hostname_match": ""}]})
    assert server_groups() == []


def test_a_server_that_was_assigned_by_hand_stays_until_the_group_goes(call):
    call("create_group", {"id": "x1", "title": "x"})
    (server,) = db.read(Server.all)
    db.write(lambda connection: Server.replace(connection, server | {"groups": ["main", "x1"]}))
    call("update_group", {"id": "x1", "hostname_match": "^nosuchhost$"})
    assert server_groups() == ["main", "x1"]
    call("delete_group", {"id": "x1"})
    assert server_groups() == ["main"]


@pytest.mark.parametrize("pattern", ["(", "x" * 1001])
def test_a_groups_pattern_must_be_one(call, pattern):
    reply = call("create_group", {"title": "x", "hostname_match": pattern})
    assert_error(reply, 400, "api", "Malformed group parameter: hostname_match")


@pytest.mark.parametrize(
    ("change", "text"),
    [
        ({"type": ...}, "Missing parameter: type"),
        ({"type": "monitor"}, "Malformed plugin parameter: type (unknown: monitor)"),
        ({"type": ["event"]}, "Malformed plugin parameter: type (unknown: event)"),
        ({"command": ...}, "Missing parameter: command"),
        ({"command": 5}, "Malformed plugin parameter: command"),
        ({"command": "a\0b"}, "Malformed plugin parameter: command"),
        ({"command": "x" * 10_001}, "Malformed plugin parameter: command"),
        ({"script": 5}, "Malformed parameter type: script (number)"),
        ({"uid": 5}, "Malformed parameter type: uid (number)"),
        ({"kill": "some"}, "Malformed plugin parameter: kill (unknown: some)"),
        ({"cwd": "tmp"}, "Malformed plugin parameter: cwd (must be a whole path)"),
        ({"cwd": "/a\0b"}, "Malformed plugin parameter: cwd"),
        ({"env": ["A=b"]}, "Malformed plugin parameter: env (must be an object of texts)"),
        ({"env": {"A": ["b"]}}, "Malformed plugin parameter: env (must be an object of texts)"),
        ({"env": {"A": "\0"}}, "Malformed plugin parameter: env (must be an object of texts)"),
        ({"env": {"A=": "b"}}, "Malformed plugin parameter: env (must be an object of texts)"),
        ({"env": {"": "b"}}, "Malformed plugin parameter: env (must be an object of texts)"),
        ({"runner": "x"}, "Malformed parameter type: runner (string)"),
        ({"params": {}}, "Malformed plugin parameter: params (must be array)"),
        ({"params": [5]}, "Malformed user field 'n/a': ID must be a string"),
        ({"params": [{"id": "a", "type": "x"}]}, "Malformed user field 'a': Invalid type"),
    ],
)
def test_malformed_plugins_are_refused(call, change, text):
    new = {"title": "x", **PLUGIN, **change}
    body = {key: value for key, value in new.items() if value is not ...}
    assert_error(call("create_plugin", body), 400, "api", text)


def test_events_run_new_plugins_with_their_parameters(call):
    params = [{"id": "n", "title": "N", "type": "text", "required": True, "locked": True}]
    call("create_plugin", {"id": "p1", "title": "x", **PLUGIN, "params": params})
    body = {**EVENT, "id": "e1", "plugin": "p1"}
    missing = call("create_event", {**body, "params": {}})
    assert_error(missing, 400, "api", "Event Plugin: Parameter 'n' is required.")
    assert call("create_event", {**body, "params": {"n": "1"}}).status_code == 200
    job = call("run_event", {"id": "e1"}).json["id"]
    assert '"command":"/bin/true"' in factories.load(job).doc
    call("update_plugin", {"id": "p1", "enabled": False})
    reply = call("run_event", {"id": "e1"})
    assert_error(reply, 400, "event", "Failed to launch job: Plugin is disabled: x")
