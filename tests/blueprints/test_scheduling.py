"""The endpoints and commands of the scheduler."""

import pytest

from core import clock
from engine.scheduler import Scheduler
from models.database import db
from models.event import Event
from services import global_state
from tests import factories
from tests.blueprints.api import assert_error

#: A full hour, in UTC.
NOON = 1_790_002_800
DAILY = {"type": "schedule", "hours": [12], "minutes": [0], "timezone": "Europe/Vienna"}


@pytest.fixture(autouse=True)
def now(monkeypatch):
    monkeypatch.setattr(clock, "now", lambda: float(NOON))


@pytest.fixture
def settle(app):
    """Adds events and lets the scheduler find out when they are due."""

    def work(*events):
        for changes in events:
            triggers = [{"enabled": True, **trigger} for trigger in changes.pop("triggers")]
            event = factories.event(triggers=triggers, **changes)
            db.write(lambda connection, event=event: Event.insert(connection, event))
        scheduler = Scheduler(app, lambda: True)
        while scheduler.step() == 0.0:
            pass

    return work


def upcoming(call, **params):
    reply = call("get_upcoming_jobs", params)
    assert reply.status_code == 200, reply.text
    assert reply.json["list"]["length"] == len(reply.json["rows"])
    return reply.json["rows"]


def times(rows):
    return [(row["event"], row["now"] - NOON) for row in rows]


def test_runs_of_all_events_come_in_order_of_time(call, settle):
    settle(
        {"id": "e1", "triggers": [{"type": "schedule", "minutes": [10, 20]}]},
        {"id": "e2", "triggers": [{"type": "interval", "start": NOON - 100, "duration": 450}]},
        {"id": "e3", "triggers": [{"type": "single", "epoch": NOON + 3 * 86400}]},
        {"id": "e4", "triggers": [{"type": "manual"}]},
    )
    expected = [("e2", 350), ("e1", 600), ("e2", 800), ("e1", 1200), ("e2", 1250)]
    assert times(upcoming(call, limit=5)) == expected
    assert times(upcoming(call, event="e3")) == [("e3", 3 * 86400)]
    assert times(upcoming(call, **{"from": NOON + 700, "to": NOON + 1200})) == expected[2:4]
    assert times(upcoming(call, event="e3", to=NOON + 86400)) == []


def test_a_run_says_when_it_is_here_and_there(call, settle):
    settle(
        {
            "id": "e1",
            "title": "Daily",
            "triggers": [{**DAILY, "id": "t1"}, {"type": "delay", "duration": 90}],
        }
    )
    [first, *_] = upcoming(call)
    assert (
        first.items()
        >= {
            "event": "e1",
            "title": "Daily",
            "category": "general",
            "trigger": "t1",
            "type": "schedule",
            "until": first["now"] + 90,
        }.items()
    )
    assert first["local"].endswith("T12:00:00+02:00")
    assert first["utc"].endswith("T10:00:00+00:00")


def test_blackouts_ranges_and_every_nth_time_count(call, settle):
    minutes = {"type": "schedule", "minutes": [0, 10, 20, 30, 40, 50]}
    settle(
        {
            "id": "e1",
            "triggers": [
                minutes,
                {"type": "blackout", "start": NOON + 1100, "end": NOON + 1300},
                {"type": "range", "start": NOON, "end": NOON + 4000},
            ],
        },
        {"id": "e2", "triggers": [minutes, {"type": "nth", "every": 3}]},
        {"id": "e3", "triggers": [minutes, {"type": "precision", "seconds": [5, 35]}]},
    )
    assert times(upcoming(call, event="e1")) == [
        ("e1", seconds) for seconds in (600, 1800, 2400, 3000, 3600)
    ]
    assert times(upcoming(call, event="e2", limit=3)) == [("e2", 600), ("e2", 2400), ("e2", 4200)]
    assert times(upcoming(call, event="e2", **{"from": NOON + 3000, "limit": 1})) == [("e2", 4200)]
    assert times(upcoming(call, event="e3", limit=2)) == [("e3", 605), ("e3", 635)]


def test_what_does_not_run_is_not_told(call, settle, make_key):
    every = [{"type": "schedule", "minutes": [10]}]
    settle(
        {"id": "e1", "triggers": every, "enabled": False},
        {"id": "e2", "triggers": [{**every[0], "enabled": False}]},
        {"id": "e3", "triggers": every},
    )
    assert {row["event"] for row in upcoming(call)} == {"e3"}
    assert upcoming(make_key(categories=["other"])) == []
    assert_error(
        make_key(categories=["other"])("get_upcoming_jobs", {"event": "e3"}), 403, "access", ""
    )
    call("update_category", {"id": "general", "enabled": False})
    assert upcoming(call) == []


def test_the_limit_holds_for_events_beyond_the_first_batch(call, settle, monkeypatch):
    monkeypatch.setattr("services.upcoming._BATCH", 2)
    settle(
        *({"id": f"e{n}", "triggers": [{"type": "schedule", "minutes": [n]}]} for n in range(1, 8))
    )
    assert times(upcoming(call, limit=3)) == [("e1", 60), ("e2", 120), ("e3", 180)]
    late = {"from": NOON + 300, "limit": 4}
    expected = [("e5", 300), ("e6", 360), ("e7", 420), ("e1", 3660)]
    assert times(upcoming(call, **late)) == expected


def test_a_day_that_never_comes_costs_nothing(call, settle):
    settle({"id": "e1", "triggers": [{"type": "schedule", "months": [2], "days": [30]}]})
    assert upcoming(call, to=9_999_999_999) == []
    assert upcoming(call, **{"from": 249_999_999_999}) == []


@pytest.mark.parametrize(
    ("params", "status", "text"),
    [
        ({"from": "soon"}, 400, "Malformed parameter: from"),
        ({"limit": -1}, 400, "Malformed parameter: limit"),
        ({"limit": True}, 400, "Malformed parameter: limit"),
        ({"from": 999_999_999_999}, 400, "Malformed parameter: from"),
        ({"event": "enone"}, 404, "Event not found: enone"),
    ],
)
def test_what_can_not_be_asked_for(call, params, status, text):
    reply = call("get_upcoming_jobs", params)
    assert reply.status_code == status
    assert reply.json["description"] == text


def test_the_scheduler_is_switched_off_and_on(app, call, settle):
    settle({"id": "e1", "triggers": [{"type": "schedule", "minutes": [10]}]})
    assert call("update_global_state", {"scheduler.enabled": False}).json == {"code": 0}
    state = call("get_multiple", {"lists": "tags", "state": 1}).json["state"]
    assert state["scheduler"] == {"enabled": False}
    assert upcoming(call) == []
    call("update_global_state", {"scheduler.enabled": 1})
    assert db.read(global_state.scheduler_is_on)
    assert len(upcoming(call, limit=2)) == 2
    assert_error(call("update_global_state", {}), 400, "api", "Missing parameter")
    reply = call("update_global_state", {"scheduler.enabled": "no"})
    assert_error(reply, 400, "api", "Malformed parameter type: scheduler.enabled (string)")


def test_operators_look_ahead_and_switch(app, call, settle):
    settle({"id": "e1", "title": "Hourly", "triggers": [{"type": "schedule", "minutes": [10]}]})
    runner = app.test_cli_runner()

    def run(*arguments):
        return runner.invoke(args=list(arguments))

    lines = run("events", "upcoming", "--limit", "2").output.splitlines()
    assert [line.split("\t")[2:] for line in lines] == [["e1", "schedule", "Hourly"]] * 2
    assert "Event not found: x" in run("events", "upcoming", "--event", "x").output
    assert run("scheduler", "status").output == "on\n"
    assert run("scheduler", "off").exit_code == 0
    assert run("scheduler", "status").output == "off\n"
    assert "The scheduler is off" in run("events", "upcoming").output
    assert run("scheduler", "on").exit_code == 0
    assert run("scheduler", "status").output == "on\n"


CRONTAB = """MAILTO=ops@example.com
CRON_TZ=Europe/Vienna
GREETING=it's me
30 2 * * * echo "$GREETING"
* * L * * true
@hourly true
"""


def test_a_crontab_becomes_events(call):
    reply = call("import_crontab", {"crontab": CRONTAB, "dry_run": True}).json
    assert len(reply["events"]) == 2
    assert call("get_events", {}).json["rows"] == []
    reply = call("import_crontab", {"crontab": CRONTAB, "enabled": False}).json
    assert reply["problems"] == [
        {"line": 5, "text": "* * L * * true", "reason": "Malformed days: L"}
    ]
    first, second = call("get_events", {}).json["rows"]
    assert [event["id"] for event in reply["events"]] == [first["id"], second["id"]]
    assert first["title"] == 'echo "$GREETING"'
    assert first["enabled"] is False
    assert first["params"]["script"] == (
        '#!/bin/sh\nexport GREETING=\'it\'"\'"\'s me\'\ncd "$HOME" || exit\necho "$GREETING"\n'
    )
    assert (
        first["triggers"][0].items()
        >= {
            "hours": [2],
            "minutes": [30],
            "timezone": "Europe/Vienna",
            "dst": "once",
        }.items()
    )
    assert first["actions"][0]["email"] == "ops@example.com"


@pytest.mark.parametrize(
    ("params", "status", "text"),
    [
        ({"crontab": "x\n" * 3000}, 400, "Malformed parameter: crontab (too long)"),
        ({"crontab": " "}, 400, "Malformed parameter"),
        ({}, 400, "Missing parameter: crontab"),
    ],
)
def test_what_is_no_crontab_is_refused(call, params, status, text):
    reply = call("import_crontab", params)
    assert reply.status_code == status
    assert reply.json["description"].startswith(text)


def test_lines_that_make_no_event_are_problems(call, make_key):
    reply = call(
        "import_crontab", {"crontab": "CRON_TZ=Mars/X\n* * * * * true", "category": "nosuch"}
    )
    assert reply.json["events"] == []
    [problem] = reply.json["problems"]
    assert problem["line"] == 2
    braces = "* * * * * docker ps --format '{{.Names}}'"
    [problem] = call("import_crontab", {"crontab": braces, "dry_run": True}).json["problems"]
    assert problem["reason"] == "Jobs would take what stands in {{ }} for a macro"
    limited = make_key(privileges={"create_events": True}, categories=["other"])
    assert_error(limited("import_crontab", {"crontab": "* * * * * true"}), 403, "access", "")
    assert call("get_events", {}).json["rows"] == []


def test_operators_import_crontabs(app, tmp_path):
    path = tmp_path / "crontab"
    path.write_text(CRONTAB)
    runner = app.test_cli_runner()
    result = runner.invoke(args=["events", "import", str(path), "--dry-run"])
    assert "\ttrue\n" in result.output
    assert "line 5: Malformed days: L: * * L * * true" in result.output
    assert runner.invoke(args=["events", "import", str(path)]).exit_code == 0
    assert len(db.read(Event.all)) == 2
