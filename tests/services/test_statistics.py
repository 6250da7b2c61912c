"""Statistics: counted by day, hour and minute, for all events and for each."""

import time

import pytest

from core import clock
from models.database import db
from services import job_changes, statistics
from tests import factories
from tests.factories import ADMIN

#: A quarter past two in the afternoon.
NOW = float(statistics.local_midnight(1_800_000_000.0) + 14 * 3600 + 15 * 60)


@pytest.fixture
def at(monkeypatch):
    """Sets the clock."""

    def work(moment):
        monkeypatch.setattr(clock, "now", lambda: moment)

    work(NOW)
    return work


def add(*occurrences, now=NOW):
    db.write(lambda connection: statistics.add(connection, occurrences, now))


def today(event, condition):
    return db.read(lambda connection: statistics.count_today(connection, event, condition))


def test_counts_of_a_day_an_hour_and_a_minute(app, at):
    add(("e1", "complete"), ("e1", "success"))
    add(("e2", "complete"), ("e2", "error"))
    add(("e1", "complete"), ("e1", "success"), now=NOW - 60)
    add(("e1", "complete"), ("e1", "success"), now=NOW - 3600)
    add(("e1", "complete"), ("e1", "success"), now=NOW - 86_400)
    counts = statistics.current()
    day = {"job_complete": 4, "jobs": 4, "job_success": 3, "job_error": 1}
    assert counts["currentDay"] == day | {"start": int(NOW) - 14 * 3600 - 15 * 60}
    assert counts["currentHour"]["jobs"] == 3
    assert counts["currentMinute"]["jobs"] == 2
    assert (today("e1", "success"), today("e2", "success"), today("e2", "error")) == (3, 0, 1)


def test_days_begin_at_midnight_here(app, at):
    add(("e1", "start"))
    at(NOW + 10 * 3600)
    assert today("e1", "start") == 0
    assert statistics.current()["currentDay"]["jobs"] == 0


@pytest.mark.parametrize("zone", ["Europe/Berlin", "America/New_York", "Asia/Kolkata"])
def test_days_with_a_change_of_clocks_begin_at_midnight_too(monkeypatch, zone):
    monkeypatch.setenv("TZ", zone)
    time.tzset()
    try:
        for hours in range(0, 24 * 370, 7):
            moment = 1_790_000_000 + hours * 3600
            start = time.localtime(statistics.local_midnight(moment))
            assert start[:3] == time.localtime(moment)[:3]
            assert start[3:6] == (0, 0, 0)
    finally:
        monkeypatch.undo()
        time.tzset()


def test_a_job_that_is_deleted_on_its_day_counts_no_more(app):
    job = factories.add_job()
    factories.finish_job(job, code=5)
    event = factories.load(job).event
    now = clock.now()
    ends = [(event, condition) for condition in statistics.end_conditions(5)]
    add(*ends, *ends, now=now)
    job_changes.delete(job, ADMIN)
    assert [today(event, name) for name in ("complete", "error", "user")] == [1, 1, 1]
    assert statistics.current()["currentDay"]["jobs"] == 1


def test_a_job_of_another_day_is_no_matter_of_today(app):
    job = factories.add_job()
    factories.finish_job(job, completed=clock.now() - 3 * 86_400)
    event = factories.load(job).event
    add((event, "complete"), now=clock.now())
    job_changes.delete(job, ADMIN)
    assert today(event, "complete") == 1


def test_old_counts_are_forgotten(app, at):
    add(("e1", "complete"))
    at(NOW + 3 * 86_400)
    assert db.read(statistics.any_old)
    db.write(lambda connection: statistics.forget(connection, 100))
    assert not db.read(statistics.any_old)
    at(NOW)
    counts = statistics.current()
    assert counts["currentMinute"]["jobs"] == 0
    assert counts["currentDay"]["jobs"] == 1
    at(NOW + 900 * 86_400)
    db.write(lambda connection: statistics.forget(connection, 100))
    at(NOW)
    assert statistics.current()["currentDay"]["jobs"] == 0


@pytest.mark.parametrize(
    ("code", "conditions"),
    [
        (0, ["complete", "success"]),
        (5, ["complete", "error", "user"]),
        ("warning", ["complete", "error", "warning"]),
        ("critical", ["complete", "error", "critical"]),
        ("abort", ["complete", "error", "abort"]),
        ("other", ["complete", "error", "user"]),
    ],
)
def test_what_an_end_counts_as(code, conditions):
    assert statistics.end_conditions(code) == conditions
