"""The endpoints of API keys."""

import re

import pytest

from models.api_key import ApiKey
from models.database import db
from tests.blueprints.api import Caller, assert_error


def created(call, **properties):
    reply = call("create_api_key", {"title": "New", **properties})
    assert reply.status_code == 200, reply.text
    return reply.json


def test_a_new_key_is_shown_once_and_only_its_hash_is_kept(app, call):
    reply = created(call, id="kmine", username="eve", key="x", mask="y", privileges={"run_jobs": 1})
    record, plain_key = reply["api_key"], reply["plain_key"]
    assert re.fullmatch(r"[\w\-]{43}", plain_key)
    assert re.fullmatch(r"k[a-z0-9]{15}", record["id"])
    assert (record["username"], record["active"], record["revision"]) == ("admin", 1, 1)
    assert record["mask"] == f"{plain_key[:4]}********{plain_key[-4:]}"
    assert re.fullmatch(r"[0-9a-f]{64}", record["key"])
    assert call("get_api_key", {"id": record["id"]}).json["api_key"] == record
    assert plain_key not in call("get_api_keys").text
    assert not any(plain_key in text for text in stored_texts())
    assert Caller(call.client, plain_key)("get_tags").status_code == 200


def stored_texts():
    """Every row of every table, as text."""
    tables = db.metadata.sorted_tables
    return db.read(lambda c: [str(row) for table in tables for row in c.execute(table.select())])


def test_the_creator_is_the_user_who_made_the_creating_key(call):
    admin = created(call, privileges={"admin": True})
    db.write(
        lambda connection: ApiKey.replace(connection, {**admin["api_key"], "username": "carl"})
    )
    child = created(Caller(call.client, admin["plain_key"]))
    assert child["api_key"]["username"] == "carl"


def test_keys_are_listed_newest_first(call):
    ids = [created(call)["api_key"]["id"] for _ in range(3)]
    reply = call("get_api_keys").json
    assert [row["id"] for row in reply["rows"]] == [*reversed(ids), "kadmin"]
    assert reply["list"] == {
        "page_size": 100,
        "first_page": 0,
        "last_page": 0,
        "length": 4,
        "type": "list",
    }


def test_an_update_changes_what_is_sent_and_nothing_that_is_ours(call):
    before = created(call, description="old")["api_key"]
    changes = {"title": "Changed", "key": "x", "mask": "x", "created": 1, "custom": [1]}
    assert call("update_api_key", {"id": before["id"], **changes}).json == {"code": 0}
    after = call("get_api_key", {"id": before["id"]}).json["api_key"]
    assert after["title"] == "Changed"
    assert after["custom"] == [1]
    assert after["revision"] == 2
    for name in ("id", "key", "mask", "created", "username", "description"):
        assert after[name] == before[name]


def test_parameters_come_from_the_body_alone(call):
    assert_error(call("/api/app/get_api_key/v1?id=kadmin"), 400, "api", "Missing parameter: id")


@pytest.mark.parametrize(
    ("name", "code", "text"),
    [
        ("get_api_key", "notfound", "Failed to locate API Key: knosuch"),
        ("update_api_key", "api_key", "Failed to update API Key: Error: Item not found"),
        ("delete_api_key", "api_key", "Failed to delete API Key: Error: Item not found"),
    ],
)
def test_an_unknown_key_is_not_found(call, name, code, text):
    assert_error(call(name, {"id": "knosuch"}), 404, code, text)


@pytest.mark.parametrize(
    ("body", "text"),
    [
        ({"title": ...}, "Missing parameter: title"),
        ({"title": ""}, "Malformed parameter: title"),
        ({"title": 5}, "Malformed parameter type: title (number)"),
        ({"title": {"a": 1}}, "Malformed parameter type: title (object)"),
        ({"title": None}, "Malformed parameter type: title (object)"),
        ({"title": "a<b"}, "Malformed title parameter: Cannot contain HTML metacharacters"),
        ({"privileges": "admin"}, "Malformed parameter type: privileges (string)"),
        ({"privileges": ["admin"]}, "Malformed parameter type: privileges (object)"),
        ({"categories": "general"}, "Parameter is not an array: categories"),
        ({"categories": [1]}, "Malformed parameter: categories"),
        ({"groups": {}}, "Parameter is not an array: groups"),
        ({"roles": 1}, "Parameter is not an array: roles"),
        ({"expires": "soon"}, "Malformed parameter type: expires (string)"),
        ({"expires": True}, "Malformed parameter type: expires (boolean)"),
        ({"max_per_sec": []}, "Malformed parameter type: max_per_sec (object)"),
        ({"description": 5}, "Malformed parameter type: description (number)"),
        ({"icon": "a b"}, "Malformed icon parameter: Contains illegal characters"),
        ({"__proto__": 1}, "Invalid parameter: __proto__ (illegal key)"),
    ],
)
def test_malformed_keys_are_refused(call, body, text):
    sent = {key: value for key, value in {"title": "x", **body}.items() if value is not ...}
    assert_error(call("create_api_key", sent), 400, "api", text)
    if body != {"title": ...}:
        assert_error(call("update_api_key", {"id": "kadmin", **sent}), 400, "api", text)
