"""Calendars, against the plainest way to ask: look at the clock of every minute."""

import calendar
import itertools
import zoneinfo
from datetime import UTC, datetime, timedelta
from functools import cache
from importlib.resources import files
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from core.calendars import Calendar

DAY = 86_400
FIRST, LAST = (int(datetime(year, 1, 1, tzinfo=UTC).timestamp()) for year in (2020, 2041))
ZONES = sorted(zoneinfo.available_timezones() - {"Factory", "localtime"})
_FILES = files("tzdata.zoneinfo")
#: One name for each zone: many have several.
DISTINCT = sorted({_FILES.joinpath(name).read_bytes(): name for name in ZONES}.values())


def shows(trigger, wall):
    """Whether a clock that shows `wall` shows a time that the trigger means."""
    return (
        names(trigger, "minutes", wall.minute)
        and names(trigger, "hours", wall.hour)
        and names(trigger, "months", wall.month)
        and names(trigger, "years", wall.year)
        and names(trigger, "weekdays", (wall.weekday() + 1) % 7)
        and (names(trigger, "days", wall.day) or names(trigger, "days", day_from_end(wall)))
    )


def names(trigger, key, value):
    """Whether a list of the trigger has the value, or has none at all."""
    wanted = trigger.get(key)
    return not wanted or value in wanted


def day_from_end(wall):
    return wall.day - calendar.monthrange(wall.year, wall.month)[1] - 1


def by_the_clock(trigger, zone, first, end):
    """Every minute of a window in which the trigger means what the zone's clocks show."""
    first = -(-first // 60) * 60
    return [
        minute
        for minute in range(first, end, 60)
        if shows(trigger, datetime.fromtimestamp(minute, zone))
    ]


def minutes(trigger, zone, first, end):
    found = Calendar.of(trigger, zone).minutes_from(first)
    return list(itertools.takewhile(lambda minute: minute < end, found))


@cache
def changes(name):
    """The days between 2020 and 2040 before which a zone changed its clocks."""
    zone = ZoneInfo(name)

    def offset(moment):
        return datetime.fromtimestamp(moment, zone).utcoffset()

    found = []
    for week in range(FIRST, LAST, 7 * DAY):
        before = offset(week)
        # No zone changes its clocks and back again within a week.
        if offset(week + 7 * DAY) != before:
            days = range(week + DAY, week + 8 * DAY, DAY)
            found.append(next(day for day in days if offset(day) != before))
    return found


def subset(low, high):
    return st.lists(st.integers(low, high), max_size=4, unique=True)


triggers = st.fixed_dictionaries(
    {},
    optional={
        "years": st.lists(st.integers(2019, 2041), max_size=12, unique=True),
        "months": subset(1, 12),
        "days": st.lists(st.integers(-7, 31).filter(lambda day: day != 0), max_size=6, unique=True),
        "weekdays": subset(0, 6),
        "hours": subset(0, 23),
        "minutes": subset(0, 59),
    },
)


@given(triggers, st.sampled_from(ZONES), st.integers(FIRST, LAST))
@settings(max_examples=150, deadline=None)
def test_calendars_agree_with_clocks(trigger, name, first):
    zone, end = ZoneInfo(name), first + 4 * DAY
    assert minutes(trigger, zone, first, end) == by_the_clock(trigger, zone, first, end)


@given(st.data())
@settings(max_examples=150, deadline=None)
def test_calendars_agree_with_clocks_that_change(data):
    name = data.draw(st.sampled_from([name for name in ZONES[::7] if changes(name)]))
    around = data.draw(st.sampled_from(changes(name)))
    trigger = data.draw(
        st.fixed_dictionaries({}, optional={"hours": subset(0, 23), "minutes": subset(0, 59)})
    )
    zone, first, end = ZoneInfo(name), around - 2 * DAY, around + 2 * DAY
    assert minutes(trigger, zone, first, end) == by_the_clock(trigger, zone, first, end)


@pytest.mark.parametrize("name", DISTINCT)
def test_once_a_day_is_once_a_day_in_every_zone(name):
    """Whatever clocks do, each day has its run: neither none nor two."""
    zone = ZoneInfo(name)
    for around in changes(name):
        for hour in (0, 1, 2, 3, 23):
            trigger = {"hours": [hour], "minutes": [30], "dst": "once"}
            # From noon to noon, so that the window's ends cut no run off.
            noon = datetime.fromtimestamp(around, zone).replace(hour=12, minute=0) - timedelta(2)
            first, end = int(noon.timestamp()), int((noon + timedelta(4)).timestamp())
            found = minutes(trigger, zone, first, end)
            assert len(found) == 4, (around, hour, found)


def test_a_skipped_time_comes_as_much_later_as_the_clocks_went_on():
    zone = ZoneInfo("Europe/Berlin")
    first = int(datetime(2026, 3, 29, tzinfo=zone).timestamp())
    daily = {"hours": [2], "minutes": [30]}
    assert minutes(daily, zone, first, first + DAY // 2) == []
    [minute] = minutes(daily | {"dst": "once"}, zone, first, first + DAY // 2)
    assert datetime.fromtimestamp(minute, zone) == datetime(2026, 3, 29, 3, 30, tzinfo=zone)


def test_a_repeated_time_comes_twice_or_the_first_time_only():
    zone = ZoneInfo("Europe/Berlin")
    first = int(datetime(2026, 10, 25, tzinfo=zone).timestamp())
    daily = {"hours": [2], "minutes": [30]}
    twice = minutes(daily, zone, first, first + DAY // 2)
    assert [minute - first for minute in twice] == [9000, 12_600]
    assert minutes(daily | {"dst": "once"}, zone, first, first + DAY // 2) == twice[:1]


@pytest.mark.parametrize(
    ("trigger", "expected"),
    [
        ({"months": [2], "days": [29], "weekdays": [1], "hours": [5], "minutes": [5]}, 2044),
        ({"years": [2026, 2090], "months": [12], "days": [31]}, 2026),
        ({"years": [2090]}, 2090),
        ({"years": [9998]}, 9998),
        ({"months": [2], "days": [30]}, None),
        ({"years": [2020]}, None),
    ],
)
def test_far_days_are_found_and_days_that_never_come_are_given_up(trigger, expected):
    first = int(datetime(2026, 11, 26, tzinfo=UTC).timestamp())
    minute = next(Calendar.of(trigger, UTC).minutes_from(first), None)
    year = None if minute is None else datetime.fromtimestamp(minute, UTC).year
    assert year == expected


def test_numbers_may_be_written_as_floats_and_twice():
    trigger = {"hours": [5.0, 5], "minutes": [0.0]}
    assert minutes(trigger, UTC, FIRST, FIRST + DAY) == [FIRST + 5 * 3600]
