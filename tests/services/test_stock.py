"""The stock records: complete, valid, and never overwritten."""

import socket

import sqlalchemy as sa

from models.category import Category
from models.database import db
from models.event import Event
from models.global_state import GlobalState
from models.group import Group
from models.plugin import Plugin
from models.server import Server
from models.tag import Tag
from schemas.fields import TYPES, check_fields
from schemas.patterns import Budget
from services import stock
from tests.services.event_fixtures import app  # noqa: F401 - a fixture

TABLES = (Category, Tag, Group, Server, Plugin)


def seed(settings):
    db.write(lambda connection: stock.seed(connection, settings))


def everything():
    return {table: db.read(table.all) for table in TABLES}


def ids(table):
    return [record["id"] for record in db.read(table.all)]


def test_the_stock_is_there(app):  # noqa: F811
    assert ids(Category) == ["general"]
    assert ids(Tag) == ["important", "flag"]
    assert ids(Group) == ["main"]
    assert ids(Plugin) == ["shellplug", "httpplug", "testplug", "hookplug"]
    assert ids(Event) == []
    for records in everything().values():
        for record in records:
            assert {"username", "created", "modified", "revision"} <= record.keys()


def test_this_host_is_a_server(app):  # noqa: F811
    (server,) = db.read(Server.all)
    assert server["id"].startswith("s")
    assert server["hostname"] == socket.gethostname().lower()
    assert (server["groups"], server["enabled"]) == (["main"], True)
    assert server["info"]["cpu"]["cores"] >= 1
    assert server["info"]["memory"]["total"] > 0


def test_plugin_parameters_are_well_formed(app):  # noqa: F811
    for plugin in db.read(Plugin.all):
        assert (plugin["type"], plugin["enabled"]) == ("event", True)
        assert {param["type"] for param in plugin["params"]} <= TYPES
        check_fields({"fields": plugin["params"]}, [], Budget())


def test_seeding_again_changes_nothing(app):  # noqa: F811
    before = everything()
    seed(app.config)
    assert everything() == before


def test_what_operators_changed_is_kept_and_what_they_deleted_stays_away(app):  # noqa: F811
    (server,) = db.read(Server.all)

    def change(connection):
        general = Category.get(connection, "general")
        Category.replace(connection, general | {"title": "Ours", "enabled": False})
        Server.replace(connection, server | {"groups": ["main", "fast"], "enabled": False})
        Tag.delete(connection, "flag")

    db.write(change)
    seed(app.config)
    assert db.read(Category.all)[0]["title"] == "Ours"
    assert db.read(Server.all) == [server | {"groups": ["main", "fast"], "enabled": False}]
    assert ids(Tag) == ["important"]


def test_plugins_of_a_later_version_are_added_once(app):  # noqa: F811
    def forget(connection):
        for plugin in ("hookplug", "testplug"):
            Plugin.delete(connection, plugin)
        connection.execute(sa.delete(GlobalState))

    # As an instance of the first version is whose operator did not want the test plugin.
    db.write(forget)
    seed(app.config)
    assert ids(Plugin) == ["shellplug", "httpplug", "hookplug"]
    db.write(lambda connection: Plugin.delete(connection, "hookplug"))
    seed(app.config)
    assert ids(Plugin) == ["shellplug", "httpplug"]


def test_an_older_version_for_a_while_brings_back_nothing(app, monkeypatch):  # noqa: F811
    db.write(lambda connection: Plugin.delete(connection, "hookplug"))
    with monkeypatch.context() as older:
        older.setattr(stock, "PLUGINS", stock.PLUGINS[:3])
        seed(app.config)
    seed(app.config)
    assert "hookplug" not in ids(Plugin)


def test_a_renamed_host_stays_the_same_server(app):  # noqa: F811
    (server,) = db.read(Server.all)
    db.write(lambda connection: Server.replace(connection, server | {"hostname": "old"}))
    seed(app.config | {"SERVER_TITLE": "Blue"})
    (again,) = db.read(Server.all)
    assert (again["id"], again["hostname"]) == (server["id"], server["hostname"])
    assert again["title"] == "Blue"
