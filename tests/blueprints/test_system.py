"""Ping, echo, and the checks of supervisors."""

from models.database import db
from models.leader import Leader
from tests.blueprints.api import assert_error


def test_ping_answers_everybody(nobody):
    assert nobody("ping").data == nobody("ping", {}).data == b'{"code":0}\n'


def test_echo_shows_no_credentials(nobody):
    secrets = {
        "X-API-Key": "hidden1",
        "Authorization": "Bearer hidden2",
        "Cookie": "session_id=hidden3",
        "X-Session-ID": "hidden4",
        "X-CSRF-Token": "hidden5",
    }
    body = {"a": 1, "api_key": "hidden6", "session_id": "hidden7"}
    reply = nobody("/api/app/echo/v1?api_key=hidden8", body, headers={**secrets, "X-Mine": "shown"})
    assert "hidden" not in reply.text
    assert reply.json["params"] == {"a": 1}
    assert reply.json["headers"]["X-Mine"] == "shown"


def test_health_tells_that_the_process_answers(nobody):
    reply = nobody("/health")
    assert (reply.status_code, reply.json) == (200, {"code": 0, "master": True})


def test_the_server_is_ready_while_an_engine_leads(nobody):
    reply = nobody("/ready")
    assert_error(reply, 503, "engine", "No engine runs")
    assert reply.headers["Retry-After"] == "1"
    epoch = db.write(lambda connection: Leader.take(connection, "engine", 60))
    assert nobody("/ready").json == {"code": 0, "ready": True}
    db.write(lambda connection: Leader.release(connection, epoch))
    assert nobody("/ready").status_code == 503


def test_the_server_is_not_ready_without_a_database(nobody):
    db.write(lambda connection: connection.exec_driver_sql("DROP TABLE leader"))
    assert_error(nobody("/ready"), 503, "database", "The database does not answer")
    assert nobody("/health").status_code == 200


def test_tags_are_listed_for_everybody_with_a_key(make_key):
    reply = make_key(categories=["other"])("get_tags")
    assert [row["id"] for row in reply.json["rows"]] == ["important", "flag"]
    assert reply.json["list"] == {"length": 2}
