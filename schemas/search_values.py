"""Values in queries: words, numbers, days and moments, and the conditions that they make."""

import math
import re
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta, tzinfo

from core.words import words_of
from schemas.search_query import RANGE_FIELDS, TEXT_FIELD, Node, Range, Text, Word, flaw

_DAY = re.compile(r"(\d{4})\D+(\d{1,2})\D+(\d{1,2})", re.ASCII)
_NUMBER = re.compile(r"\d{1,12}(?:\.\d{1,9})?", re.ASCII)
_BOUND = re.compile(r"(>=|<=|>|<|=)\s*(.*)", re.DOTALL)
#: Of moments, the field `date` knows whole hours only, seconds.
_HOUR = 3600


@dataclass(frozen=True)
class Clock:
    """What `now` and `today` mean, and where days begin."""

    now: float
    #: None is the machine's own zone.
    zone: tzinfo | None = None

    def today(self) -> date:
        """The day that it is."""
        return datetime.fromtimestamp(self.now, UTC).astimezone(self.zone).date()

    def midnight(self, day: date) -> float:
        """When a day begins, Unix seconds."""
        moment = datetime.combine(day, time())
        local = moment.replace(tzinfo=self.zone) if self.zone else moment.astimezone()
        return local.timestamp()


def condition(field: str, value: str, clock: Clock, position: int) -> Node | None:
    """The condition that a value makes in a field; nothing when it has no word."""
    if field in RANGE_FIELDS:
        return _range(field, value.strip(), clock, position)
    words = tuple(words_of(value))
    if not words:
        return None
    return Text(words) if field == TEXT_FIELD else Word(field, words)


def comparison(field: str, sign: str, value: str, clock: Clock, position: int) -> Range:
    """The condition that a value makes with a sign of comparison."""
    low, high = _span(field, value, clock, position, is_alone=sign == "=")
    bounds = {
        "=": (low, high),
        ">=": (low, None),
        ">": (high if high > low else _next(low), None),
        "<": (None, low),
        "<=": (None, high if high > low else _next(low)),
    }
    return Range(RANGE_FIELDS[field], *bounds[sign])


def _range(field: str, value: str, clock: Clock, position: int) -> Node:
    if bound := _BOUND.fullmatch(value):
        return comparison(field, bound[1], bound[2].strip(), clock, position)
    if ".." not in value:
        return comparison(field, "=", value, clock, position)
    first, last = (part.strip() for part in value.split("..", 1))
    low = comparison(field, ">=", first, clock, position).low if first else None
    high = comparison(field, "<=", last, clock, position).high if last else None
    return Range(RANGE_FIELDS[field], low, high)


def _span(
    field: str, value: str, clock: Clock, position: int, *, is_alone: bool
) -> tuple[float, float]:
    """From when to when a value reaches; the same twice for a moment."""
    if field != "elapsed":
        if value == "now":
            return _moment(field, clock.now, is_alone=is_alone)
        day = clock.today() if value == "today" else _day(value)
        if day is not None:
            return clock.midnight(day), clock.midnight(day + timedelta(days=1))
    if not _NUMBER.fullmatch(value):
        what = "number" if field == "elapsed" else "date"
        raise flaw(f"Invalid {what}: {value[:100]}", position)
    return _moment(field, float(value), is_alone=is_alone)


def _moment(field: str, number: float, *, is_alone: bool) -> tuple[float, float]:
    """From when to when a number reaches, which alone stands for its hour or second."""
    if not is_alone:
        return number, number
    step = _HOUR if field == "date" else 1
    low = math.floor(number / step) * step if number.is_integer() or field == "date" else number
    return low, low + step if low != number or number.is_integer() else _next(number)


def _day(text: str) -> date | None:
    match = _DAY.fullmatch(text)
    try:
        day = date(*(int(part) for part in match.groups())) if match else None
    except ValueError:
        return None
    # The calendar ends where the next day could not be named any more.
    return day if day and 1 < day.year < 9999 else None


def _next(number: float) -> float:
    """The least number after this one."""
    return math.nextafter(number, math.inf)
