"""Plans, against a brute look at every minute."""

from datetime import UTC, datetime, timedelta, timezone

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from services.plans import Plan
from tests.core.test_calendars import shows

FIRST = int(datetime(2026, 3, 1, tzinfo=UTC).timestamp())
MINUTES = range(FIRST, FIRST + 6 * 3600, 60)
MOMENTS = st.integers(FIRST - 3600, FIRST + 7 * 3600)
IN_MINUTES = MOMENTS.map(lambda moment: moment // 60 * 60)


def trigger(kind, **keys):
    return st.fixed_dictionaries(
        {"type": st.just(kind), "enabled": st.sampled_from([True, True, True, False]), **keys}
    )


def subset(low, high):
    return st.lists(st.integers(low, high), max_size=4, unique=True)


SCHEDULERS = st.one_of(
    trigger("schedule", hours=subset(0, 5), minutes=subset(0, 59)),
    trigger("single", epoch=IN_MINUTES),
    trigger("interval", start=MOMENTS, duration=st.integers(7, 20_000)),
)
ENDS = st.one_of(st.just(0), IN_MINUTES)
MODIFIERS = st.one_of(
    trigger(
        "range", start=st.one_of(st.just(0), IN_MINUTES), end=st.one_of(st.just(0), IN_MINUTES)
    ),
    trigger("blackout", start=IN_MINUTES, end=IN_MINUTES),
)
EVENTS = st.lists(st.one_of(SCHEDULERS, SCHEDULERS, MODIFIERS), max_size=5)


def expected(triggers, minute):
    """The moments of a minute at which an event with these triggers runs."""
    on = [item for item in triggers if item["enabled"]]
    ranges = [item for item in on if item["type"] == "range"]
    blackouts = [item for item in on if item["type"] == "blackout"]
    if ranges and not any(
        item["start"] <= minute and (not item["end"] or minute <= item["end"]) for item in ranges
    ):
        return []
    if any(item["start"] <= minute <= item["end"] for item in blackouts):
        return []
    return sorted(moment for item in on for moment in moments(item, minute))


def moments(item, minute):
    if item["type"] == "schedule":
        return [minute] if shows(item, datetime.fromtimestamp(minute, UTC)) else []
    if item["type"] == "single":
        return [minute] if item["epoch"] == minute else []
    if item["type"] == "interval" and item["start"] <= minute:
        return [
            moment
            for moment in range(minute, minute + 60)
            if (moment - item["start"]) % item["duration"] == 0
        ]
    return []


@given(EVENTS)
@settings(max_examples=200, deadline=None)
def test_plans_agree_with_a_look_at_every_minute(triggers):
    plan = Plan({"triggers": triggers}, UTC)
    wanted = {minute: found for minute in MINUTES if (found := expected(triggers, minute))}
    assert {
        minute: sorted(hit.now for hit in hits) for minute in MINUTES if (hits := plan.hits(minute))
    } == wanted
    found = []
    for minute in plan.minutes_from(FIRST):
        if minute not in MINUTES:
            break
        found.append(minute)
    assert found == list(wanted)


def plan_of(*triggers, zone=UTC):
    return Plan({"triggers": [{"enabled": True, **item} for item in triggers]}, zone)


EVERY_MINUTE = {"type": "schedule"}


def test_a_delay_holds_the_job_back():
    plan = plan_of(
        EVERY_MINUTE, {"type": "delay", "duration": 90}, {"type": "delay", "duration": 5}
    )
    [hit] = plan.hits(FIRST)
    assert (hit.now, hit.until) == (FIRST, FIRST + 90)


def test_precision_names_the_seconds():
    plan = plan_of(EVERY_MINUTE, {"type": "precision", "seconds": [30, 0, 30, 75]})
    assert [(hit.now, hit.until) for hit in plan.hits(FIRST)] == [
        (FIRST, FIRST),
        (FIRST + 30, FIRST + 30),
    ]


def test_a_plugin_is_asked_about_the_minute():
    plan = plan_of(
        EVERY_MINUTE,
        {"type": "precision", "seconds": [0, 30]},
        {"type": "plugin", "plugin_id": "p1"},
    )
    assert [(hit.now, hit.until) for hit in plan.hits(FIRST)] == [(FIRST, None)]


def test_jobs_of_an_interval_wait_for_their_second():
    plan = plan_of({"type": "interval", "start": FIRST - 600, "duration": 25})
    assert [(hit.now, hit.until) for hit in plan.hits(FIRST)] == [
        (FIRST + second, FIRST + second) for second in (0, 25, 50)
    ]


def test_two_triggers_that_match_are_two_runs():
    plan = plan_of(EVERY_MINUTE, {"type": "schedule", "minutes": [0]})
    assert [hit.place for hit in plan.hits(FIRST)] == [0, 1]
    assert [hit.place for hit in plan.hits(FIRST + 60)] == [0]


@pytest.mark.parametrize("triggers", [[], [{"type": "manual"}], [{"type": "range", "start": 0}]])
def test_without_a_scheduler_nothing_runs(triggers):
    plan = plan_of(*triggers)
    assert not plan.is_scheduled
    assert plan.hits(FIRST) == []
    assert next(plan.minutes_from(FIRST), None) is None


def test_a_schedule_without_a_zone_is_in_that_of_the_host():
    zone = timezone(timedelta(hours=5))
    plan = plan_of({"type": "schedule", "hours": [6], "minutes": [0]}, zone=zone)
    assert next(plan.minutes_from(FIRST)) == FIRST + 3600
    named = {"type": "schedule", "hours": [6], "minutes": [0], "timezone": "Asia/Tokyo"}
    assert next(plan_of(named, zone=zone).minutes_from(FIRST)) == FIRST + 21 * 3600


@pytest.mark.parametrize("duration", ["60", None, 0, -5, True, 0.5])
def test_an_interval_of_no_sound_length_never_runs(duration):
    plan = plan_of({"type": "interval", "start": FIRST - 600, "duration": duration})
    assert plan.hits(FIRST) == []
    assert next(plan.minutes_from(FIRST), None) is None
