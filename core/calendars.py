"""Calendars: the minutes that lists of years, months, days, weekdays, hours and minutes name."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta, tzinfo
from itertools import product
from typing import Any

#: A day begins at most so long before and ends at most so long after the same day in UTC.
_FARTHEST_ZONE = timedelta(hours=16)
#: A day that comes at all comes within so many years: 29 February on a given weekday around 2100.
_LONGEST_SEARCH_YEARS = 41
_ONE_DAY = timedelta(days=1)
_LAST_DAY = date(9999, 12, 1)


@dataclass(frozen=True)
class Calendar:
    """Which minutes are meant; an empty list means any. All lists have to agree."""

    zone: tzinfo
    years: frozenset[int] = frozenset()
    months: frozenset[int] = frozenset()
    #: Days of the month; negative ones count from its end.
    days: frozenset[int] = frozenset()
    #: 0 is Sunday.
    weekdays: frozenset[int] = frozenset()
    hours: Sequence[int] = range(24)
    minutes: Sequence[int] = range(60)
    #: Whether a time that a change of the clocks skips or repeats still comes once.
    once: bool = False

    @classmethod
    def of(cls, trigger: Mapping[str, Any], zone: tzinfo) -> "Calendar":
        """The calendar of a `schedule` trigger that was checked."""
        days = {key: frozenset(_numbers(trigger, key)) for key in _DAYS}
        times = {key: _numbers(trigger, key) for key in _TIMES if trigger.get(key)}
        return cls(zone, **days, **times, once=trigger.get("dst") == "once")  # type: ignore[arg-type]

    def minutes_from(self, first: int) -> Iterator[int]:
        """The minutes from `first` on, Unix seconds, each once and in order; none for ever."""
        #: Minutes of days on which clocks change: such days may reach into each other.
        waiting: set[int] = set()
        for day in self._days_from(datetime.fromtimestamp(first, UTC) - _FARTHEST_ZONE):
            start = self._plain_start(day)
            if start is None:
                waiting.update(minute for minute in self._changed_minutes(day) if minute >= first)
                continue
            yield from sorted(waiting)
            waiting.clear()
            yield from self._plain_minutes(start, first)
        yield from sorted(waiting)

    def _days_from(self, first: datetime) -> Iterator[date]:
        """The days that are meant; whole months that are not are skipped."""
        day = first.date()
        last_year = max(self.years, default=day.year + _LONGEST_SEARCH_YEARS)
        end = min(_LAST_DAY, date(min(last_year + 1, 9999), 1, 1))
        while day < end:
            if not _is_in(self.years, day.year) or not _is_in(self.months, day.month):
                day = _next_month(day)
                continue
            if self._has(day):
                yield day
            day += _ONE_DAY

    def _has(self, day: date) -> bool:
        if not _is_in(self.weekdays, day.isoweekday() % 7):
            return False
        return not self.days or day.day in self.days or from_end(day) in self.days

    def _plain_start(self, day: date) -> int | None:
        """When a day begins, Unix seconds; nothing when clocks change on it or at its ends."""
        midnight = datetime(day.year, day.month, day.day, tzinfo=self.zone)
        ends = (midnight, datetime.combine(day + _ONE_DAY, midnight.timetz()))
        offsets = {end.replace(fold=fold).utcoffset() for end in ends for fold in (0, 1)}
        return int(midnight.timestamp()) if len(offsets) == 1 else None

    def _plain_minutes(self, start: int, first: int) -> Iterator[int]:
        for hour in self.hours:
            begins = start + hour * 3600
            if begins + 3600 > first:
                minutes = (begins + minute * 60 for minute in self.minutes)
                yield from (minute for minute in minutes if minute >= first)

    def _changed_minutes(self, day: date) -> Iterator[int]:
        """The minutes of a day on which clocks change."""
        midnight = datetime(day.year, day.month, day.day, tzinfo=self.zone)
        for hour, minute in product(self.hours, self.minutes):
            yield from self._moments(midnight.replace(hour=hour, minute=minute))

    def _moments(self, wall: datetime) -> Iterator[int]:
        """When the clocks show this time: once, twice when they go back, never when they skip it.

        With `once` the time before the change counts for both, as RFC 5545 has it.
        """
        first, second = int(wall.timestamp()), int(wall.replace(fold=1).timestamp())
        exists = datetime.fromtimestamp(first, self.zone).replace(fold=0) == wall
        if exists or self.once:
            yield first
        if exists and second != first and not self.once:
            yield second


_DAYS = ("years", "months", "days", "weekdays")
_TIMES = ("hours", "minutes")


def _numbers(trigger: Mapping[str, Any], key: str) -> list[int]:
    return sorted({int(number) for number in trigger.get(key) or ()})


def _is_in(wanted: frozenset[int], value: int) -> bool:
    return not wanted or value in wanted


def _next_month(day: date) -> date:
    return date(day.year + day.month // 12, day.month % 12 + 1, 1)


def from_end(day: date) -> int:
    """The day of the month counted from its end: -1 is the last one."""
    return day.day - (_next_month(day) - _ONE_DAY).day - 1
