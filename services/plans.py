"""Plans: when an event's triggers say that it runs, whoever asks: the scheduler or a preview."""

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import tzinfo
from itertools import takewhile
from typing import Any
from zoneinfo import ZoneInfo

from core.calendars import Calendar
from core.javascript import is_truthy
from schemas.checks import is_number

Document = dict[str, Any]

MINUTE = 60
#: Types of triggers that say when; all others say how, or wait to be asked.
SCHEDULERS = ("schedule", "single", "interval")


@dataclass(frozen=True)
class Hit:
    """One run that a trigger asks for."""

    trigger: Document
    #: The trigger's place in the event, from 0.
    place: int
    #: The minute that it belongs to, Unix seconds.
    minute: int
    #: What the job takes for its time, Unix seconds: the minute, or a second in it.
    now: float
    #: When the job may start; nothing when it is not held back.
    until: float | None = None


class Plan:
    """The enabled triggers of one event, sorted out once and asked often."""

    def __init__(self, event: Mapping[str, Any], zone: tzinfo) -> None:
        """`zone` is where triggers are that don't name a time zone."""
        self._zone = zone
        enabled = [
            (place, trigger)
            for place, trigger in enumerate(event.get("triggers") or [])
            if is_truthy(trigger.get("enabled"))
        ]
        self._schedulers = [item for item in enabled if item[1]["type"] in SCHEDULERS]
        #: Trigger types with one enabled trigger, or the first of them.
        self._modifiers = {trigger["type"]: trigger for _, trigger in reversed(enabled)}
        self._ranges = [trigger for _, trigger in enabled if trigger["type"] == "range"]
        self._blackouts = [trigger for _, trigger in enabled if trigger["type"] == "blackout"]

    @property
    def is_scheduled(self) -> bool:
        """Whether the event ever runs by itself."""
        return bool(self._schedulers)

    def modifier(self, kind: str) -> Document | None:
        """The event's enabled trigger of a type that it may have once."""
        return self._modifiers.get(kind)

    def minutes_from(self, first: int) -> Iterator[int]:
        """The minutes from `first` on in which the event runs, in order."""
        minute = self._next(first)
        while minute is not None:
            yield minute
            minute = self._next(minute + MINUTE)

    def minutes_until(self, first: int, last: int) -> Iterator[int]:
        """The minutes from `first` to `last` in which the event runs, in order."""
        return takewhile(lambda minute: minute <= last, self.minutes_from(first))

    def hits(self, minute: int) -> list[Hit]:
        """The runs of one minute; none in a blackout or out of range."""
        if self._allowed_from(minute) != minute:
            return []
        found: list[Hit] = []
        for place, trigger in self._schedulers:
            if trigger["type"] == "interval":
                moments = _interval_moments(trigger, minute)
                found += [Hit(trigger, place, minute, at, at) for at in moments]
            elif next(self._minutes(trigger, minute), None) == minute:
                found += self._spread(trigger, place, minute)
        return found

    def _spread(self, trigger: Document, place: int, minute: int) -> list[Hit]:
        """The runs of a trigger that names a minute: at once, delayed, or at given seconds.

        A plugin is asked about the minute, not about its seconds.
        """
        precision, delay = self.modifier("precision"), self.modifier("delay")
        if precision is not None and self.modifier("plugin") is None:
            seconds = sorted({float(second) for second in precision["seconds"]})
            moments = [minute + second for second in seconds if 0 <= second < MINUTE]
            return [Hit(trigger, place, minute, at, at) for at in moments]
        seconds_later = _seconds(delay.get("duration")) if delay is not None else 0
        until = minute + seconds_later if seconds_later else None
        return [Hit(trigger, place, minute, minute, until)]

    def _next(self, first: int) -> int | None:
        """The first minute from `first` on in which the event runs."""
        start: int | None = -(-first // MINUTE) * MINUTE
        while start is not None:
            candidates = [
                next(self._minutes(trigger, start), None) for _, trigger in self._schedulers
            ]
            found = min((minute for minute in candidates if minute is not None), default=None)
            if found is None:
                return None
            start = self._allowed_from(found)
            if start == found:
                return found
        return None

    def _minutes(self, trigger: Document, first: int) -> Iterator[int]:
        """The minutes that one trigger names, from `first` on."""
        if trigger["type"] == "schedule":
            name = trigger.get("timezone")
            zone = ZoneInfo(name) if name else self._zone
            return Calendar.of(trigger, zone).minutes_from(first)
        if trigger["type"] == "interval":
            return _interval_minutes(trigger, first)
        minute = int(trigger["epoch"]) // MINUTE * MINUTE
        return iter([minute] if minute >= first else [])

    def _allowed_from(self, minute: int) -> int | None:
        """The first minute from this one on that ranges and blackouts allow; none when none is."""
        allowed: int | None = minute
        before = None
        while allowed is not None and allowed != before:
            before = allowed
            allowed = _after_blackouts(self._blackouts, _within(self._ranges, allowed))
        return allowed


def counts(plan: Plan, state: Document) -> bool:
    """Whether the next time is one at which the event runs: every time, or every nth.

    `state` is what is remembered of the event; it counts on.
    """
    nth = plan.modifier("nth")
    if nth is None:
        return True
    left: Any = state.get("nth")
    left = left - 1 if is_number(left) else 0
    state["nth"] = nth["every"] if left <= 0 else left
    return bool(left <= 0)


def _within(ranges: Sequence[Document], minute: int) -> int | None:
    """The first minute from this one on that is in a range; any is where there are none."""
    starts = [max(minute, -(-int(item.get("start") or 0) // MINUTE) * MINUTE) for item in ranges]
    open_ = [
        start
        for start, item in zip(starts, ranges, strict=True)
        if not item.get("end") or start <= item["end"]
    ]
    return min(open_, default=None) if ranges else minute


def _after_blackouts(blackouts: Sequence[Document], minute: int | None) -> int | None:
    if minute is None:
        return None
    ends = [int(item["end"]) for item in blackouts if item["start"] <= minute <= item["end"]]
    return (max(ends) // MINUTE + 1) * MINUTE if ends else minute


def _interval_minutes(trigger: Document, first: int) -> Iterator[int]:
    """Minutes with a moment of the interval in them; the one in which it starts has none."""
    start, duration = int(trigger["start"]), _seconds(trigger.get("duration"))
    minute = max(first, -(-start // MINUTE) * MINUTE)
    while duration:
        count = math.ceil((minute - start) / duration)
        minute = int(start + count * duration) // MINUTE * MINUTE
        yield minute
        minute += MINUTE


def _interval_moments(trigger: Document, minute: int) -> list[float]:
    """The moments of an interval within a minute, Unix seconds."""
    start, duration = int(trigger["start"]), _seconds(trigger.get("duration"))
    if not duration or start > minute:
        return []
    count = math.ceil((minute - start) / duration)
    moments = []
    while (moment := start + count * duration) < minute + MINUTE:
        moments.append(moment)
        count += 1
    return moments


def _seconds(value: Any) -> float:
    """A duration of at least a second; 0 for what is none."""
    is_number = isinstance(value, (int, float)) and not isinstance(value, bool)
    return float(value) if is_number and value >= 1 else 0.0
