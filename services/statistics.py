"""Statistics: what happened to jobs in the current day, hour and minute, and what is used for it.

Counts lie in the database and are changed in the transactions that start and end jobs, so that
they survive whatever happens, and jobs that are deleted later still count.
"""

import os
import time
from collections import Counter
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import sqlalchemy as sa

from core import clock
from models.database import db
from models.statistic import Key, Statistic

Counts = dict[str, int]
#: An event's id, and the condition that one of its jobs met.
Occurrence = tuple[str, str]

#: Codes that have a condition of their own; every other error is the `user` condition.
_NAMED_CODES = ("warning", "critical", "abort")
_PAGE_BYTES = os.sysconf("SC_PAGE_SIZE")
_STARTED = clock.now()
_HOUR_SECONDS = 3600
_DAY_SECONDS = 24 * _HOUR_SECONDS
#: How long counts are kept, seconds.
_KEPT = {"minute": 2 * _DAY_SECONDS, "hour": 60 * _DAY_SECONDS, "day": 800 * _DAY_SECONDS}


def add(connection: sa.Connection, occurrences: Iterable[Occurrence], now: float) -> None:
    """Count what happened: for all events by day, hour and minute, for each one by day."""
    changes = Counter[Key]()
    starts = _starts(now)
    for event, condition in occurrences:
        name = f"job_{condition}"
        changes["day", starts["day"], event, name] += 1
        for span, start in starts.items():
            changes[span, start, "", name] += 1
    Statistic.add(connection, changes)


def take_back(connection: sa.Connection, record: Mapping[str, Any]) -> None:
    """Uncount a job that is deleted on the day on which it ended."""
    now = clock.now()
    if record["completed"] >= local_midnight(now) and not record.get("retried"):
        day = _starts(now)["day"]
        changes = Counter[Key]()
        for condition in end_conditions(record["code"]):
            changes["day", day, record["event"], f"job_{condition}"] -= 1
            changes["day", day, "", f"job_{condition}"] -= 1
        Statistic.add(connection, changes)


def end_conditions(code: Any) -> list[str]:
    """The conditions that a job meets which ends with this code, in their order."""
    if code == 0:
        return ["complete", "success"]
    return ["complete", "error", code if code in _NAMED_CODES else "user"]


def count_today(connection: sa.Connection, event: str, condition: str) -> int:
    """How many jobs of an event have met a condition today."""
    today = local_midnight(clock.now())
    return Statistic.of(connection, "day", today, event).get(f"job_{condition}", 0)


def any_old(connection: sa.Connection) -> bool:
    """Whether there are counts that are too old."""
    return any(
        Statistic.any_before(connection, span, before) for span, before in _oldest_kept().items()
    )


def forget(connection: sa.Connection, limit: int) -> None:
    """Delete some of the counts that are too old."""
    for span, before in _oldest_kept().items():
        Statistic.forget(connection, span, before, limit)


def _oldest_kept() -> dict[str, int]:
    """When the oldest spans that are kept began at the earliest."""
    now = clock.now()
    return {span: int(now - seconds) for span, seconds in _KEPT.items()}


def current() -> dict[str, Any]:
    """Counters, and figures of the web worker that answers."""
    now = clock.now()
    names = {"day": "currentDay", "hour": "currentHour", "minute": "currentMinute"}
    return {
        **{names[span]: _shown(span, start) for span, start in _starts(now).items()},
        "process": {"pid": os.getpid(), "uptime": round(now - _STARTED), "mem": _memory_bytes()},
    }


def _shown(span: str, start: int) -> Mapping[str, int]:
    """The counts of a span; `jobs` are those that have ended in it."""
    counts = db.read(lambda connection: Statistic.of(connection, span, start, ""))
    named = {"jobs": "job_complete", "job_success": "job_success", "job_error": "job_error"}
    return {"start": start, **counts, **{key: counts.get(name, 0) for key, name in named.items()}}


def _starts(now: float) -> dict[str, int]:
    """When the current spans began, Unix seconds."""
    second = int(now)
    hour = second - second % _HOUR_SECONDS
    return {"day": local_midnight(now), "hour": hour, "minute": second - second % 60}


def local_midnight(now: float) -> int:
    """When the day of a moment began, by the clocks of this host."""
    day = time.localtime(now)
    return int(time.mktime((day.tm_year, day.tm_mon, day.tm_mday, 0, 0, 0, 0, 0, -1)))


def _memory_bytes() -> int:
    return int(Path("/proc/self/statm").read_text().split()[1]) * _PAGE_BYTES
