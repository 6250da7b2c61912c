"""Startup triggers: once when the server starts, and not when an engine does."""

import pytest

from core import clock, json
from engine import startup
from engine.scheduler import Scheduler
from models.database import db
from models.event import Event
from services import global_state
from tests import factories
from tests.factories import ADMIN

START = 1_790_000_000.25
AT_START = {"type": "startup", "params": {"annotate": True}, "data": {"a": 1}, "tags": ["flag"]}


@pytest.fixture
def start(app, monkeypatch):
    """An engine begins to lead, so many seconds after the server was started."""

    def work(seconds, server=START):
        monkeypatch.setenv(startup.VARIABLE, str(server))
        monkeypatch.setattr(clock, "now", lambda: server + seconds)
        Scheduler(app, lambda: True).step()

    return work


def add(*triggers, **changes):
    triggers = [{"enabled": True, **trigger} for trigger in triggers]
    event = factories.event(triggers=triggers, **changes)
    db.write(lambda connection: Event.insert(connection, event))


def jobs():
    query = "SELECT doc, input FROM jobs ORDER BY seq"
    return db.read(lambda connection: connection.exec_driver_sql(query).all())


def test_an_event_runs_once_when_the_server_starts(start):
    add(AT_START)
    start(2)
    [row] = jobs()
    job = json.loads(row.doc)
    assert (job["source"], job["now"], job["params"]["annotate"]) == ("startup", START, True)
    assert "stype" not in job
    assert job["tags"] == ["flag"]
    assert json.loads(row.input) == {"data": {"a": 1}}
    # An engine was killed, and another one leads.
    start(20)
    assert len(jobs()) == 1
    start(2, server=START + 60)
    assert len(jobs()) == 2


@pytest.mark.parametrize("seconds", [301, -5])
def test_who_leads_later_has_not_started_the_server(start, seconds):
    add(AT_START)
    start(seconds)
    assert jobs() == []


def test_what_is_switched_off_does_not_run(start):
    add(AT_START, enabled=False)
    add({**AT_START, "enabled": False})
    add({"type": "manual"})
    start(2)
    assert jobs() == []
    add(AT_START)
    global_state.update({global_state.SCHEDULER: False}, ADMIN)
    start(3)
    assert jobs() == []


def test_quiet_is_for_runs_of_the_scheduler_alone(start):
    add(AT_START, {"type": "quiet", "invisible": True})
    start(2)
    assert "invisible" not in json.loads(jobs()[0].doc)


def test_an_engine_of_its_own_is_its_own_start(monkeypatch):
    monkeypatch.delenv(startup.VARIABLE, raising=False)
    assert startup.started() > START
