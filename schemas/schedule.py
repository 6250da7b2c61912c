"""Schedules: triggers by the calendar."""

import re
import zoneinfo
from functools import cache
from typing import Any

from marshmallow import ValidationError

from core.javascript import is_truthy, to_string
from schemas.checks import MAX_ENTRIES, Check, Entry, is_number, optional

_ZONE_CHARACTERS = re.compile(r"[\w/\-+]+", re.ASCII)
#: In the operating system's list of zones, but not in the one that clients know.
_NOT_ZONES = frozenset({"UTC", "Factory", "localtime"})


class NumberList:
    """A validator of one list of a schedule: whole numbers from `low` to `high`."""

    def __init__(self, key: str, low: int, high: int, *, without: int | None = None) -> None:
        self._prefix = f"Malformed trigger parameter: {key}"
        self._low, self._high, self._without = low, high, without

    def __call__(self, value: Any) -> None:
        """Raise `ValidationError` with the first thing that is wrong with the list."""
        if not isinstance(value, list):
            raise ValidationError(f"{self._prefix} (must be array)")
        if len(value) > MAX_ENTRIES:
            raise ValidationError(f"{self._prefix} (more than {MAX_ENTRIES} entries)")
        if not all(map(is_number, value)):
            raise ValidationError(f"{self._prefix} (must be array of numbers)")
        for number in value:
            is_inside = self._low <= number <= self._high and number != self._without
            if not is_inside or number != int(number):
                text = to_string(number)
                raise ValidationError(f"{self._prefix} (out of range: {text})")


def _is_zone_text(value: Any) -> bool:
    return isinstance(value, str) and bool(_ZONE_CHARACTERS.fullmatch(value))


@cache
def _zones() -> frozenset[str]:
    """The names of all time zones; reading them takes milliseconds, so once."""
    return frozenset(zoneinfo.available_timezones() - _NOT_ZONES)


class Schedule(Entry):
    """Minutes of a calendar; a list that is absent or empty means any."""

    years = optional(NumberList("years", 1, 9999))
    months = optional(NumberList("months", 1, 12))
    days = optional(NumberList("days", -7, 31, without=0))
    weekdays = optional(NumberList("weekdays", 0, 6))
    hours = optional(NumberList("hours", 0, 23))
    minutes = optional(NumberList("minutes", 0, 59))
    timezone = optional(
        Check(
            lambda value: not is_truthy(value) or _is_zone_text(value),
            ": Invalid timezone: {value}",
        ),
        Check(
            lambda value: not _is_zone_text(value) or value in _zones(),
            ": Unknown timezone: {value}",
        ),
    )
