"""What clients call as they start: get_multiple, servers, empty lists."""

import pytest

from core import clock
from models.database import db
from models.leader import Leader
from models.server import Server
from schemas.client_lists import LISTS
from services import statistics
from tests import factories
from tests.blueprints.api import EVENT, assert_error

EMPTY = ["buckets", "secrets", "monitors", "alerts"]


@pytest.fixture
def engine(app):
    """An engine that leads."""
    db.write(lambda connection: Leader.take(connection, "host 1 2", 60.0))


@pytest.fixture
def server_id(app):
    return db.read(Server.all)[0]["id"]


@pytest.mark.parametrize("lists", ["all", ",".join(LISTS), list(LISTS)])
def test_all_lists_come_at_once(call, event, lists):
    role = call("create_role", {"title": "Operators"}).json["role"]
    reply = call("get_multiple", {"lists": lists}).json
    assert reply["roles"] == [role]
    assert list(reply) == ["code", "epoch", *LISTS]
    assert [reply[name] for name in EMPTY] == [[]] * len(EMPTY)
    assert [record["id"] for record in reply["events"]] == [event]
    assert {"general"} <= {record["id"] for record in reply["categories"]}
    assert {"shellplug"} <= {record["id"] for record in reply["plugins"]}
    assert reply["groups"][0]["id"] == "main"


def test_lists_are_named_in_the_query_too(call):
    reply = call("/api/app/get_multiple/v1?lists=tags, groups,tags").json
    assert list(reply) == ["code", "epoch", "tags", "groups"]
    assert "tags" in call("/api/app/get_multiple/v1?lists=tags&lists=groups").json
    assert list(call("get_multiple", {"lists": []}).json) == ["code", "epoch"]


@pytest.mark.parametrize(
    ("lists", "text"),
    [
        (None, "Missing required request property: lists"),
        ("", "Missing required request property: lists"),
        (0, "Missing required request property: lists"),
        (False, "Missing required request property: lists"),
        (5, "Invalid request (lists must be an array)."),
        (True, "Invalid request (lists must be an array)."),
        ({"length": 1}, "Invalid request (lists must be an array)."),
        ("users", "One or more values are not valid lists."),
        (["tags", "__proto__"], "One or more values are not valid lists."),
        ([["tags"], {}], "One or more values are not valid lists."),
        ([None, 1e300], "One or more values are not valid lists."),
    ],
)
def test_other_lists_are_refused(call, nobody, lists, text):
    assert_error(call("get_multiple", {"lists": lists}), 400, "admin", text)
    assert_error(nobody("get_multiple", {"lists": lists}), 400, "admin", text)


def test_missing_lists_are_named(call):
    text = "Missing required request property: lists"
    assert_error(call("get_multiple"), 400, "admin", text)


def test_no_secret_is_in_the_lists(call, make_key):
    make_key()
    trigger = {"type": "magic", "enabled": True, "key": "open-sesame"}
    call("create_event", {"id": "emagic", **EVENT, "triggers": [trigger]})
    reply = call("get_multiple", {"lists": "all"})
    assert [trigger["type"] for trigger in reply.json["events"][0]["triggers"]] == ["magic"]
    assert all("mask" in key for key in reply.json["api_keys"])
    for word in ("open-sesame", '"token"', '"key"', '"digest"'):
        assert word not in reply.text


def test_parts_come_when_they_are_asked_for(call, engine, server_id, live_job, job):
    running = factories.add_job(state="active", label="x")
    queued = factories.add_job(state="queued")
    flags = dict.fromkeys(("jobs", "alerts", "state", "stats", "servers", "serverCache"), 1)
    reply = call("get_multiple", {"lists": "tags", **flags}).json
    assert list(reply["activeJobs"]) == [running]
    assert reply["activeJobs"][running]["label"] == "x"
    assert not {"limits", "actions", "activity"} & reply["activeJobs"][running].keys()
    assert queued not in reply["activeJobs"]
    assert (reply["internalJobs"], reply["activeAlerts"]) == ({}, {})
    assert reply["state"]["scheduler"] == {"enabled": True}
    assert reply["state"]["events"] == {}
    assert reply["stats"]["currentDay"]["jobs"] == 0
    assert list(reply["servers"]) == [server_id]
    assert reply["serverCache"] == {}


def test_callers_with_limits_are_refused(make_key):
    text = "Category or group limited users may not use this API"
    for limits in ({"categories": ["general"]}, {"groups": ["main"]}):
        caller = make_key(**limits)
        assert_error(caller("get_multiple", {"lists": "all"}), 403, "access", text)
        for name in ("get_active_servers", "config", "dash_stats", "get_tickets"):
            assert_error(caller(name), 403, "access", text)


def test_servers_are_connected_while_an_engine_leads(call, server_id):
    assert call("get_active_servers").json["rows"] == []
    assert call("get_server", {"id": server_id}).json["online"] is False
    text = f"Server is not connected: {server_id}"
    assert_error(call("get_active_server", {"id": server_id}), 404, "notfound", text)
    db.write(lambda connection: Leader.take(connection, "host 1 2", 60.0))
    (row,) = call("get_active_servers").json["rows"]
    assert row["id"] == server_id
    assert row["info"]["memory"]["available"] <= row["info"]["memory"]["total"]
    assert call("get_active_server", {"id": server_id}).json["server"]["hostname"]
    assert call("get_server", {"id": server_id}).json["online"] is True


def test_unknown_servers_are_not_found(call):
    text = "Failed to locate server: snosuch"
    assert_error(call("get_server", {"id": "snosuch"}), 404, "notfound", text)
    assert_error(call("get_active_server", {"id": "snosuch"}), 404, "notfound", text)


def test_servers_are_counted(call):
    summaries = call("get_server_summaries").json["summaries"]
    assert summaries["os_platform"] == {"linux": 1}
    assert sum(summaries["cpu_cores"].values()) == 1


@pytest.mark.parametrize("name", ["get_tickets", "search_alerts", "get_monitors", "get_secrets"])
def test_what_is_not_built_is_an_empty_list(call, nobody, name):
    assert call(name, {"query": "*"}).json == {"code": 0, "rows": [], "list": {"length": 0}}
    assert nobody(name).status_code == 403


def test_the_dashboard_counts_what_completed(app, call):
    now = clock.now()

    def work(connection):
        for code in (0, 5):
            ends = [("e1", condition) for condition in statistics.end_conditions(code)]
            statistics.add(connection, ends, now)
        statistics.add(connection, [("e1", "complete")], now - 2 * 86_400)

    db.write(work)
    reply = call("dash_stats").json
    assert reply["version"]
    found = reply["stats"]["currentHour"]
    assert (found["jobs"], found["job_success"], found["job_error"]) == (2, 1, 1)
    assert reply["stats"]["currentDay"]["start"] <= found["start"]
    assert reply["stats"]["process"]["mem"] > 0


def test_config_tells_limits_and_no_secrets(app, call):
    reply = call("config")
    assert reply.json["config"]["max_json_bytes"] == app.config["MAX_JSON_BYTES"]
    assert str(app.config["SECRET_KEY"]) not in reply.text
