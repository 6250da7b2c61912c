"""The endpoints of secrets; what they share with other records is in test_catalogue.py."""

import pytest
import sqlalchemy as sa

from models.database import db
from models.secret import SealedValues
from models.transaction import Search, Transaction
from tests.blueprints.api import assert_error

VALUE = "correct horse battery staple"
FIELDS = [{"name": "PASSWORD", "value": VALUE}, {"name": "USER_NAME", "value": "ann"}]


@pytest.fixture
def secret(call):
    reply = call("create_secret", {"id": "z1", "title": "Database", "fields": FIELDS})
    assert reply.status_code == 200, reply.text
    return reply.json["secret"]


def test_values_are_shown_to_who_asks_for_them_and_nobody_else(call, secret):
    assert secret["names"] == ["PASSWORD", "USER_NAME"]
    assert secret.items() >= {"enabled": True, "events": [], "web_hooks": []}.items()
    assert "fields" not in secret
    for name, body in (
        ("get_secret", {"id": "z1"}),
        ("get_secrets", {}),
        ("get_multiple", {"lists": "secrets"}),
        ("search_activity", {}),
    ):
        reply = call(name, body)
        assert "PASSWORD" in reply.text
        assert VALUE not in reply.text
    assert call("decrypt_secret", {"id": "z1"}).json == {"code": 0, "fields": FIELDS}


def test_who_looks_at_values_is_recorded(call, secret):
    call("decrypt_secret", {"id": "z1"})
    [number] = db.read(lambda connection: Transaction.search(connection, Search(), 0, 1))[0]
    [record] = db.read(lambda connection: Transaction.load(connection, [number]))
    assert (record["action"], record["username"]) == ("secret_decrypt", "kadmin")
    assert record["description"] == "Database"


def test_changes_keep_the_values_or_replace_all_of_them(call, secret):
    call("update_secret", {"id": "z1", "title": "New", "events": ["e1"], "names": ["EVIL"]})
    assert call("decrypt_secret", {"id": "z1"}).json["fields"] == FIELDS
    assert call("get_secret", {"id": "z1"}).json["secret"]["names"] == ["PASSWORD", "USER_NAME"]
    new = [{"name": "TOKEN", "value": ""}]
    call("update_secret", {"id": "z1", "fields": new})
    assert call("decrypt_secret", {"id": "z1"}).json["fields"] == new
    assert call("get_secret", {"id": "z1"}).json["secret"]["names"] == ["TOKEN"]


def test_nothing_is_in_the_database_in_clear(call, secret, app):
    def everything(connection):
        tables = sa.inspect(connection).get_table_names()
        return [
            row for table in tables for row in connection.execute(sa.text(f"SELECT * FROM {table}"))
        ]

    assert VALUE not in str(db.read(everything))
    call("delete_secret", {"id": "z1"})
    assert db.read(lambda connection: SealedValues.get(connection, "z1")) is None


def test_another_key_is_a_clear_error(call, secret, app):
    app.config["VAULT_KEY"] = b"another key than before"
    reply = call("decrypt_secret", {"id": "z1"})
    text = "Failed to decrypt secret: #z1: Sealed with another key"
    assert_error(reply, 409, "secret", text)
    assert call("update_secret", {"id": "z1", "fields": FIELDS}).status_code == 200
    assert call("decrypt_secret", {"id": "z1"}).json["fields"] == FIELDS


def test_values_that_were_moved_to_another_secret_are_worthless(call, secret):
    call("create_secret", {"id": "z2", "title": "x"})
    sealed = db.read(lambda connection: SealedValues.get(connection, "z1"))
    db.write(lambda connection: SealedValues.put(connection, "z2", sealed))
    assert_error(call("decrypt_secret", {"id": "z2"}), 409, "secret", "Failed to decrypt secret: ")


def test_a_secret_without_values_has_none(call):
    call("create_secret", {"id": "z1", "title": "x"})
    assert call("decrypt_secret", {"id": "z1"}).json["fields"] == []


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("fields", "x"),
        ("fields", {"PASSWORD": "hush hush"}),
        ("fields", ["hush hush"]),
        ("fields", [{"name": "A"}]),
        ("fields", [{"name": "A", "value": 5}]),
        ("fields", [{"name": "A-B", "value": "hush hush"}]),
        ("fields", [{"name": "A=B", "value": "hush hush"}]),
        ("fields", [{"name": "", "value": "hush hush"}]),
        ("fields", [{"name": "A", "value": "hush hush\0"}]),
        ("fields", [{"name": "A", "value": "hush hush"}] * 2),
        ("fields", [{"name": f"A{n}", "value": ""} for n in range(101)]),
        ("events", "e1"),
        ("plugins", [5]),
        ("web_hooks", {"w1": True}),
    ],
    ids=range(14),
)
def test_what_nobody_could_be_given_is_refused_without_repeating_it(call, key, value):
    reply = call("create_secret", {"title": "x", key: value})
    assert_error(reply, 400, "api", f"Malformed secret parameter: {key}")
    assert "hush" not in reply.text
    assert call("get_secrets").json["rows"] == []


def test_of_values_there_can_be_so_many(call, app):
    app.config["MAX_JSON_BYTES"] = 3_000_000
    fields = [{"name": f"A{number}", "value": "hush" * 100_000} for number in range(3)]
    reply = call("create_secret", {"title": "x", "fields": fields})
    assert_error(reply, 400, "api", "Malformed secret parameter: fields (too long)")
