"""How many jobs completed in the current day, hour and minute, and what this process uses."""

import os
import time
from functools import lru_cache
from pathlib import Path
from typing import Any

from core import clock
from models.database import db
from models.job import Job

Counts = dict[str, int]

_PAGE_BYTES = os.sysconf("SC_PAGE_SIZE")
_STARTED = clock.now()
_HOUR_SECONDS = 3600


def current() -> dict[str, Any]:
    """Counters, and figures of the web worker that answers."""
    now = clock.now()
    hours = range(int(_local_midnight(now)), int(now) + 1, _HOUR_SECONDS)
    # Counted hour by hour, because no query may take long: hours that are over are kept.
    past = [_count_past(start) for start in hours[:-1]]
    hour = _count(hours[-1], now + 1)
    minute = int(now) // 60 * 60
    return {
        "currentDay": {"start": hours[0], **_sum([*past, hour])},
        "currentHour": {"start": hours[-1], **hour},
        "currentMinute": {"start": minute, **_count(minute, now + 1)},
        "process": {"pid": os.getpid(), "uptime": round(now - _STARTED), "mem": _memory_bytes()},
    }


def _count(start: float, end: float) -> Counts:
    """The jobs that completed in a time: all, and those that succeeded or failed."""
    by_code = db.read(lambda connection: Job.count_completed(connection, start, end))
    jobs, succeeded = sum(by_code.values()), by_code.get("0", 0)
    return {"jobs": jobs, "job_success": succeeded, "job_error": jobs - succeeded}


@lru_cache(48)
def _count_past(start: int) -> Counts:
    """The jobs of an hour that is over; those that are deleted later still count."""
    return _count(start, start + _HOUR_SECONDS)


def _sum(counts: list[Counts]) -> Counts:
    return {name: sum(count[name] for count in counts) for name in counts[0]}


def _local_midnight(now: float) -> float:
    day = time.localtime(now)
    return time.mktime((day.tm_year, day.tm_mon, day.tm_mday, 0, 0, 0, 0, 0, -1))


def _memory_bytes() -> int:
    return int(Path("/proc/self/statm").read_text().split()[1]) * _PAGE_BYTES
