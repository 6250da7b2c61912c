"""Crontab lines as triggers: the same minutes, by another reading of both."""

from datetime import UTC, datetime
from functools import cache
from itertools import takewhile

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from core.calendars import Calendar
from core.crontabs import CrontabError, Entry, Problem, parse, schedules

DAY = 86_400
#: How many days a look at all minutes takes in.
DAYS = 100
ALWAYS = {"enabled": True, "type": "schedule"}


@pytest.mark.parametrize(
    ("fields", "expected"),
    [
        ("* * * * *", [{}]),
        ("*/15 * * * *", [{"minutes": [0, 15, 30, 45]}]),
        ("30 2 * * *", [{"minutes": [30], "hours": [2], "dst": "once"}]),
        (
            "0 9-17/4 * * MON-fri",
            [{"minutes": [0], "hours": [9, 13, 17], "weekdays": [1, 2, 3, 4, 5], "dst": "once"}],
        ),
        ("5/20 * * jan,Jul *", [{"minutes": [5, 25, 45], "months": [1, 7]}]),
        ("0 * * * 7", [{"minutes": [0], "weekdays": [0]}]),
        ("0 * * * 5-7", [{"minutes": [0], "weekdays": [0, 5, 6]}]),
        ("0 * */10 * 1", [{"minutes": [0], "days": [1, 11, 21, 31], "weekdays": [1]}]),
        (
            "0 * 31 * 1",
            [
                {"minutes": [0], "days": [31]},
                {"minutes": [0], "days": list(range(1, 31)), "weekdays": [1]},
            ],
        ),
    ],
)
def test_fields_are_lists(fields, expected):
    assert schedules(fields.split()) == [ALWAYS | trigger for trigger in expected]


@pytest.mark.parametrize(
    "fields",
    [
        *("60 * * * *", "* 24 * * *", "* * 0 * *", "* * 32 * *", "* * * 13 *", "* * * * 8"),
        *("a * * * *", "*/0 * * * *", "5-1 * * * *", "1- * * * *", ", * * * *", "-1 * * * *"),
        *("* * L * *", "* * 15W * *", "* * * * 5#2", "~ * * * *", "? * * * *", "² * * * *"),
        *("*/99999999999 * * * *", "1-9999999999 * * * *", "* * * foo *", "* * *", ""),
    ],
)
def test_what_can_not_be_translated_is_refused(fields):
    with pytest.raises(CrontabError):
        schedules([*fields.split(), *[""] * 5][:5])


@cache
def means(field, value, first):
    """Whether a number is meant by a field of cron, read part by part."""
    for part in field.split(","):
        span, _, step = part.partition("/")
        low, _, high = span.partition("-")
        if span == "*":
            low, high = first, 99
        elif not high:
            high = 99 if step else low
        if int(low) <= value <= int(high) and (value - int(low)) % int(step or 1) == 0:
            return True
    return False


def due_days(fields, first):
    """The days on which cron would run this: either field is enough, unless one has a star."""
    _, _, day, month, weekday = fields
    has_star = "*" in (day[0], weekday[0])
    for start in range(first, first + DAYS * DAY, DAY):
        date = datetime.fromtimestamp(start, UTC)
        days = means(day, date.day, 1)
        numbers = {date.isoweekday() % 7, date.isoweekday()}
        weekdays = any(means(weekday, number, 0) for number in numbers)
        either = days and weekdays if has_star else days or weekdays
        if either and means(month, date.month, 1):
            yield start


def due_minutes(fields, first):
    """The minutes in which cron would run this."""
    hours = [hour for hour in range(24) if means(fields[1], hour, 0)]
    minutes = [minute for minute in range(60) if means(fields[0], minute, 0)]
    times = [hour * 3600 + minute * 60 for hour in hours for minute in minutes]
    return [day + time for day in due_days(fields, first) for time in times]


def field(first, last):
    number = st.integers(first, last)
    span = st.tuples(number, number).map(sorted).map(lambda ends: f"{ends[0]}-{ends[1]}")
    step = st.integers(1, last)
    part = st.one_of(
        number.map(str),
        span,
        st.tuples(span, step).map(lambda both: f"{both[0]}/{both[1]}"),
        step.map(lambda value: f"*/{value}"),
    )
    return st.one_of(st.just("*"), st.lists(part, min_size=1, max_size=3).map(",".join))


@settings(max_examples=60, deadline=None)
@given(
    st.tuples(field(0, 59), field(0, 23), field(1, 31), field(1, 12), field(0, 6)),
    st.integers(0, 400),
)
def test_triggers_mean_what_cron_means(fields, days):
    first = int(datetime(2027, 11, 1, tzinfo=UTC).timestamp()) + days * DAY
    end = first + DAYS * DAY
    found = []
    for trigger in schedules(list(fields)):
        minutes = Calendar.of({**trigger, "dst": "wall"}, UTC).minutes_from(first)
        found += takewhile(lambda minute: minute < end, minutes)
    assert sorted(found) == due_minutes(fields, first)


CRONTAB = r"""
# a comment
SHELL=/bin/bash
MAILTO = "ops@example.com"
OPTIONS = -x 'a b'
CRON_TZ=Europe/Vienna
0 5 * * 1 tar -zcf /backups/home.tgz /home/ # weekly
@daily echo 100\% done
@reboot  /usr/bin/start it
30 4 * *
15 4 * * * mail -s x root%Hello%
@often true
61 * * * * true
MAILTO=root
CRON_TZ=UTC
@hourly	true
"""


def test_a_crontab_is_read_line_by_line():
    items = list(parse(CRONTAB))
    entries = [item for item in items if isinstance(item, Entry)]
    assert [entry.command for entry in entries] == [
        "tar -zcf /backups/home.tgz /home/ # weekly",
        "echo 100% done",
        "/usr/bin/start it",
        "true",
    ]
    assert entries[0].variables == {
        "SHELL": "/bin/bash",
        "MAILTO": "ops@example.com",
        "OPTIONS": "-x 'a b'",
        "CRON_TZ": "Europe/Vienna",
    }
    assert entries[0].triggers[0]["timezone"] == "Europe/Vienna"
    assert entries[2].triggers == [{"enabled": True, "type": "startup"}]
    assert entries[3].variables.keys() == {"SHELL", "OPTIONS", "CRON_TZ"}
    assert entries[3].triggers[0]["timezone"] == "Etc/UTC"
    problems = {item.line: item.reason for item in items if isinstance(item, Problem)}
    assert problems == {
        10: "Malformed weekdays: empty",
        11: "Input after a percent sign has no counterpart",
        12: "Unknown name: @often",
        13: "Malformed minutes: 61",
        14: "Mail needs an address: what follows sends none",
    }
