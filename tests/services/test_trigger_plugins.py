"""Trigger plugins: what they are asked, and what becomes of their answers."""

import pytest

from core import json
from models.database import db
from models.event import Event
from models.plugin import Plugin
from models.transaction import Search, Transaction
from services import trigger_plugins
from services.errand import Errand, Ran
from services.plans import Plan
from tests import factories

#: A full minute, on a Sunday, the last of its month.
NOON = 1_790_510_400 + 3 * 86400 + 12 * 3600
TRIGGERS = [
    {"enabled": True, "type": "schedule", "timezone": "Europe/Vienna", "data": {"own": 1}},
    {"enabled": True, "type": "plugin", "plugin_id": "p1", "params": {"word": "hi"}},
    {"enabled": True, "type": "quiet", "invisible": True},
]

DELAY = {"enabled": True, "type": "delay", "duration": 30}
INTERVAL = {"enabled": True, "type": "interval", "start": NOON, "duration": 30}


@pytest.fixture
def plugin(app):
    plugin = {"id": "p1", "title": "Decider", "type": "scheduler", "enabled": True}
    plugin |= {"command": "/bin/decide", "params": [{"id": "word", "type": "text", "value": "x"}]}
    db.write(lambda connection: Plugin.insert(connection, plugin))
    return plugin


@pytest.fixture
def ask(app, plugin):
    """Asks about two minutes; the plugin says so, or ends like that. Returns what it was given.

    `before` are the event's triggers as they were when the runs were planned.
    """

    def work(items=None, triggers=TRIGGERS, before=None, **ending):
        event = factories.event(triggers=triggers)
        db.write(lambda connection: Event.insert(connection, event))
        asked = []

        def run(_errand, process):
            asked.append(process)
            message = {} if items is None else {"xy": 1, "items": items}
            return Ran(message=message, **ending)

        plan = Plan(event | {"triggers": before or triggers}, None)
        hits = [hit for minute in (NOON, NOON + 60) for hit in plan.hits(minute)]
        doc = trigger_plugins.question(event, "p1", hits) | {"type": "trigger"}
        trigger_plugins.ask(Errand("x1", "trigger", doc, {"id": ""}, app.config, run))
        return asked[0] if asked else None

    return work


def jobs():
    query = "SELECT doc, state, until, input FROM jobs ORDER BY seq"
    return db.read(lambda connection: connection.exec_driver_sql(query).all())


def warnings():
    found = db.read(lambda connection: Transaction.search(connection, Search(), 0, 100))[0]
    records = db.read(lambda connection: Transaction.load(connection, found))
    return [item["description"] for item in records if item["action"] == "warning"]


def test_it_is_told_about_each_run(ask):
    process = ask([False, False])
    message = json.loads(process.stdin)
    assert (message["xy"], message["type"], len(message["items"])) == (1, "trigger", 2)
    first = message["items"][0]
    assert first["dargs"].keys() == {"year", "month", "day", "weekday", "hour", "minute", "rday"}
    assert (first["timezone"], first["params"], first["now"]) == (
        *("Europe/Vienna", {"word": "hi"}, NOON),
    )
    assert first["job"]["now"] == NOON
    assert "triggers" not in first["job"]
    assert message["active_jobs"] == []
    assert process.environment["word"] == "hi"
    assert process.seconds == 30
    assert jobs() == []
    assert warnings() == []


def test_what_it_lets_happen_is_launched(ask):
    ask([True, {"launch": 1, "delay": 90, "data": {"more": 2}, "invisible": True}])
    first, second = jobs()
    job = json.loads(first.doc)
    assert (job["source"], job["splugin"], job["now"]) == ("plugin", "p1", NOON)
    assert "invisible" not in job
    assert (first.state, json.loads(first.input)) == ("ready", {"data": {"own": 1}})
    assert json.loads(second.doc)["invisible"] is True
    assert (second.state, second.until) == ("start_delay", NOON + 60 + 90)
    assert json.loads(second.input) == {"data": {"own": 1, "more": 2}}


@pytest.mark.parametrize(
    "items", [[], [False], ["yes", 1], [None, {}], [{"launch": 0}, [True]], [{"delay": 5}]]
)
def test_all_other_answers_launch_nothing(ask, items):
    ask(items)
    assert jobs() == []
    assert warnings() == []


@pytest.mark.parametrize("answer", [{"delay": "x"}, {"delay": -1}, {"data": [1]}, {"delay": 1e300}])
def test_odd_parts_of_an_answer_are_bearable(ask, answer):
    ask([{"launch": True, **answer}])
    assert len(jobs()) == 1


@pytest.mark.parametrize(
    ("ending", "text"),
    [
        ({}, "Unexpected result from Trigger Plugin: p1 (missing required JSON properties)"),
        ({"ended": 3}, "Failed to launch Trigger Plugin: p1: exited with code: 3"),
        ({"failure": "too late"}, "Failed to launch Trigger Plugin: p1: too late"),
    ],
)
def test_a_plugin_that_gives_no_answer_is_told_of(ask, ending, text):
    ask(**ending)
    assert jobs() == []
    assert warnings() == [text]


def test_a_plugin_that_is_gone_or_disabled_is_told_of(ask, plugin):
    db.write(lambda connection: Plugin.replace(connection, plugin | {"enabled": False}))
    assert ask([True]) is None
    db.write(lambda connection: Plugin.delete(connection, "p1"))
    assert ask([True]) is None
    text = "Failed to launch Trigger Plugin: p1: "
    assert sorted(warnings()) == [f"{text}Plugin is disabled", f"{text}Plugin not found"]


def test_runs_wait_as_planned_unless_it_has_a_delay_of_its_own(ask):
    ask([True, {"launch": True, "delay": 5}], [*TRIGGERS, DELAY])
    assert [job.until for job in jobs()] == [NOON + 30, NOON + 65]


def test_runs_of_an_interval_wait_for_their_second(ask):
    ask([True, True, False, True], [TRIGGERS[1], INTERVAL])
    assert [job.until for job in jobs()] == [NOON, NOON + 30, NOON + 90]


def test_runs_that_are_not_planned_any_more_are_not_asked_about(ask):
    process = ask([True] * 4, before=[*TRIGGERS, TRIGGERS[0]])
    assert len(json.loads(process.stdin)["items"]) == 2
    assert len(jobs()) == 2


def test_an_event_that_has_no_such_trigger_any_more_is_left_alone(ask):
    assert ask([True], triggers=TRIGGERS[:1]) is None
    assert jobs() == []
    assert warnings() == []
