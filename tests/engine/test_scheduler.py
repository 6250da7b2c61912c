"""The scheduler: each run once, in its minute, whatever stops and starts meanwhile."""

import pytest
import sqlalchemy as sa

from core import clock, json
from engine.scheduler import Scheduler
from models.category import Category
from models.database import db
from models.errand import Errand
from models.event import Event
from models.event_state import EventState
from models.job import Job
from models.schedule import Schedule
from services import ticks
from tests import factories

#: A full minute.
NOON = 1_790_000_040


@pytest.fixture
def at(monkeypatch):
    """Sets the clock."""

    def work(moment):
        monkeypatch.setattr(clock, "now", lambda: float(moment))

    work(NOON + 20)
    return work


@pytest.fixture
def scheduler(app, at):
    return Scheduler(app, lambda: True)


def add(*triggers, **changes):
    event = factories.event(
        triggers=[{"enabled": True, **trigger} for trigger in triggers], **changes
    )
    db.write(lambda connection: Event.insert(connection, event))
    return event


def settle(scheduler):
    """Schedule until nothing is due."""
    while scheduler.step() == 0.0:
        pass


def jobs():
    query = sa.select(Job.doc, Job.state, Job.until, Job.input).order_by(Job.seq)
    return db.read(lambda connection: connection.execute(query).all())


def moments():
    return [json.loads(row.doc)["now"] - NOON for row in jobs()]


def errands():
    return db.read(Errand.all)


EVERY_MINUTE = {"type": "schedule"}
CATCH_UP = {"type": "catchup"}


def test_a_new_event_runs_from_the_next_minute_on_once_a_minute(scheduler, at):
    add(EVERY_MINUTE)
    settle(scheduler)
    assert jobs() == []
    for second in (61, 75, 119, 121, 180):
        at(NOON + second)
        settle(scheduler)
    assert moments() == [60, 120, 180]


def test_another_engine_that_schedules_too_adds_nothing(app, scheduler, at):
    add(EVERY_MINUTE)
    settle(scheduler)
    at(NOON + 60)
    row = db.read(lambda connection: Schedule.find_due(connection, clock.now(), 1))[0]
    settle(scheduler)
    # One that has read before, and writes after.
    Scheduler(app, lambda: True)._schedule(row, clock.now())
    assert moments() == [60]


def test_a_crash_between_launch_and_note_repeats_nothing(scheduler, at, monkeypatch):
    add(EVERY_MINUTE, {"type": "schedule", "minutes": []})
    settle(scheduler)
    at(NOON + 60)
    monkeypatch.setattr(Scheduler, "_note", lambda *_: 1 / 0)
    with pytest.raises(ZeroDivisionError):
        scheduler.step()
    monkeypatch.undo()
    at(NOON + 61)
    settle(scheduler)
    assert moments() == [60, 60]


def test_an_outage_is_not_made_up_for(scheduler, at):
    add(EVERY_MINUTE)
    settle(scheduler)
    at(NOON + 600)
    settle(scheduler)
    assert moments() == [600]


@pytest.mark.parametrize("minutes", [1, 60, 7 * 24 * 60])
def test_an_outage_is_made_up_for_with_catch_up_up_to_a_cap(app, at, minutes):
    app.config["MAX_CATCH_UP"] = 100
    scheduler = Scheduler(app, lambda: True)
    add(EVERY_MINUTE, CATCH_UP)
    settle(scheduler)
    at(NOON + minutes * 60)
    settle(scheduler)
    assert moments() == [60 * number for number in range(1, min(minutes, 100) + 1)]
    at(NOON + (minutes + 1) * 60)
    settle(scheduler)
    assert moments()[-1] == 60 * (minutes + 1)


def test_catch_up_can_be_told_where_to_begin(scheduler, at):
    event = add(EVERY_MINUTE, CATCH_UP)
    settle(scheduler)
    state = {"cursor": NOON - 180}
    db.write(lambda connection: EventState.merge(connection, event["id"], state))
    db.write(lambda connection: Event.replace(connection, event))
    settle(scheduler)
    assert moments() == [-120, -60, 0]
    settle(scheduler)
    assert db.read(lambda c: EventState.get(c, event["id"]))["cursor"] == NOON


def test_a_clock_that_is_set_back_repeats_nothing(scheduler, at):
    add(EVERY_MINUTE)
    settle(scheduler)
    at(NOON + 120)
    settle(scheduler)
    for second in (-3600, 0, 60, 119, 180):
        at(NOON + second)
        settle(scheduler)
    assert moments() == [120, 180]


def test_every_nth_time_begins_with_the_first(scheduler, at):
    add(EVERY_MINUTE, {"type": "nth", "every": 3})
    settle(scheduler)
    for minute in range(1, 8):
        at(NOON + minute * 60)
        settle(scheduler)
    assert moments() == [60, 240, 420]


def test_a_change_in_a_minute_does_not_lose_its_run(scheduler, at):
    event = add(EVERY_MINUTE)
    settle(scheduler)
    at(NOON + 60)
    db.write(lambda connection: Event.replace(connection, event | {"notes": "x"}))
    settle(scheduler)
    assert moments() == [60]


def test_a_changed_event_runs_from_the_next_minute_on(scheduler, at):
    event = add({"type": "schedule", "hours": [3], "minutes": [7]})
    settle(scheduler)
    triggers = [{"enabled": True, **EVERY_MINUTE}]
    db.write(lambda connection: Event.replace(connection, event | {"triggers": triggers}))
    settle(scheduler)
    assert jobs() == []
    at(NOON + 60)
    settle(scheduler)
    assert moments() == [60]


def test_disabled_events_categories_and_deleted_events_do_not_run(scheduler, at):
    event = add(EVERY_MINUTE)
    settle(scheduler)
    general = db.read(lambda connection: Category.get(connection, "general"))
    db.write(lambda connection: Category.replace(connection, general | {"enabled": False}))
    at(NOON + 60)
    settle(scheduler)
    db.write(lambda connection: Category.replace(connection, general))
    at(NOON + 120)
    settle(scheduler)
    assert moments() == [120]
    db.write(lambda connection: Event.replace(connection, event | {"enabled": False}))
    at(NOON + 180)
    settle(scheduler)
    db.write(lambda connection: Event.delete(connection, event["id"]))
    at(NOON + 240)
    settle(scheduler)
    assert moments() == [120]


def test_a_job_tells_where_it_comes_from(scheduler, at):
    trigger = {
        "type": "single",
        "epoch": NOON + 60,
        "tags": ["flag"],
        "data": [1, 2],
        "params": {"fail": "no"},
    }
    add(trigger, {"type": "quiet", "invisible": True, "ephemeral": False}, tags=["important"])
    settle(scheduler)
    at(NOON + 60)
    settle(scheduler)
    [row] = jobs()
    job = json.loads(row.doc)
    assert (job["source"], job["stype"], job["now"]) == ("scheduler", "single", NOON + 60)
    assert job["tags"] == ["important", "flag"]
    assert job["params"]["fail"] == "no"
    assert job["invisible"] is True
    assert "ephemeral" not in job
    assert "triggers" not in job
    assert json.loads(row.input) == {"data": {"items": [1, 2]}}


def test_jobs_of_an_interval_wait_for_their_second(scheduler, at):
    add({"type": "interval", "start": NOON, "duration": 40})
    settle(scheduler)
    at(NOON + 60)
    settle(scheduler)
    assert [(row.state, row.until - NOON) for row in jobs()] == [("start_delay", 80)]


def test_an_event_that_can_not_be_launched_stops_no_other(scheduler, at, caplog):
    add(EVERY_MINUTE, plugin="nosuch", id="e0")
    limit = {"type": "day", "enabled": True, "condition": "start", "amount": 0}
    add(EVERY_MINUTE, limits=[limit], id="e1")
    add(EVERY_MINUTE, id="e2")
    settle(scheduler)
    at(NOON + 60)
    settle(scheduler)
    assert [json.loads(row.doc)["event"] for row in jobs()] == ["e2"]
    assert "Maximum daily 'start' count" in caplog.text


def test_the_pause_ends_when_something_is_due(scheduler, at):
    add(EVERY_MINUTE)
    settle(scheduler)
    at(NOON + 59.9)
    assert scheduler.step() == pytest.approx(0.1)
    at(NOON + 30)
    assert scheduler.step() == 0.5


def test_who_does_not_lead_any_more_stops_in_the_middle(app, at, monkeypatch):
    scheduler = Scheduler(app, lambda: True)
    for number in range(20):
        add(EVERY_MINUTE, id=f"e{number}")
    settle(scheduler)
    at(NOON + 60)
    launch = ticks.launch

    def launch_and_lose(*arguments):
        scheduler._leads = lambda: False
        return launch(*arguments)

    monkeypatch.setattr(ticks, "launch", launch_and_lose)
    scheduler.step()
    # Several were at work on one each.
    assert 1 <= len(moments()) <= 4


def test_a_defect_of_one_event_stops_no_other(scheduler, at, monkeypatch):
    for number in range(20):
        add(EVERY_MINUTE, id=f"e{number}")
    settle(scheduler)
    at(NOON + 60)
    launch = ticks.launch

    def launch_all_but_one(event, *arguments):
        return 1 / 0 if event["id"] == "e0" else launch(event, *arguments)

    monkeypatch.setattr(ticks, "launch", launch_all_but_one)
    with pytest.raises(ZeroDivisionError):
        scheduler.step()
    assert moments() == [60] * 19


def test_a_trigger_plugin_is_asked_before_anything_is_launched(app, at):
    submitted = []
    scheduler = Scheduler(app, lambda: True, submitted.extend)
    event = add(EVERY_MINUTE, CATCH_UP, {"type": "plugin", "plugin_id": "p1"})
    settle(scheduler)
    at(NOON + 130)
    settle(scheduler)
    [row] = errands()
    assert (row.job, row.type) == ("", "trigger")
    assert json.loads(row.doc) == {
        "event": event["id"],
        "plugin_id": "p1",
        "hits": [
            {"place": 0, "minute": minute, "now": minute} for minute in (NOON + 60, NOON + 120)
        ],
    }
    assert [(item.id, item.receiver) for item in submitted] == [(row.id, "trigger p1")]
    assert jobs() == []
    settle(scheduler)
    assert len(errands()) == 1
