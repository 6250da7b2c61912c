"""Limits: which keys each type takes, and the API's words for what is wrong with them."""

import re
from collections.abc import Callable, Mapping
from typing import Any

from core.errors import BadRequest
from core.javascript import is_truthy
from schemas.checks import (
    Check,
    Entry,
    check_entry,
    entries_of,
    is_number,
    missing_flag,
    optional,
    required,
    schema_of,
)

_EXTENSIONS = re.compile(r"[\w\s\-.,]*", re.ASCII)
_DAY_CONDITIONS = frozenset(
    (
        *("start", "complete", "continue", "success", "error", "user", "warning", "critical"),
        "abort",
    )
)
_QUEUE_WITHOUT_JOB = (
    "Limit Configuration: The 'Max Queue Limit' requires a 'Max Concurrent Jobs' limit to be "
    "present."
)


def _number(message: str) -> Check:
    return Check(is_number, message)


def _is_amount(value: Any) -> bool:
    return is_number(value) and value != 0


def _is_in_range(lowest: float, highest: float) -> Callable[[Any], bool]:
    return lambda value: is_number(value) and lowest <= value <= highest


class MemoryLimit(Entry):
    """Bytes of memory, for longer than some seconds."""

    amount = required(Check(_is_amount, ": Invalid memory amount (not a number)"))
    duration = optional(_number(": Invalid memory duration (not a number)"))


class CPULimit(Entry):
    """Percent of the processors, for longer than some seconds."""

    amount = required(_number(": Invalid CPU amount (not a number)"))
    duration = optional(_number(": Invalid CPU duration (not a number)"))


class LogLimit(Entry):
    """Bytes of log."""

    amount = required(_number(": Invalid max log size (not a number)"))


class TimeLimit(Entry):
    """Seconds since the start; the message is misspelt, and clients know it so."""

    duration = required(_number(": Invalid time timit (not a number)"))


class JobLimit(Entry):
    """Jobs of the event that run at the same time."""

    amount = required(
        Check(
            lambda value: is_number(value) and value >= 1,
            ": Invalid max jobs (must be a positive number)",
        )
    )


class RetryLimit(Entry):
    """Attempts after the first, the seconds between them, and how these seconds change."""

    amount = required(_number(": Invalid max retries (not a number)"))
    duration = optional(_number(": Invalid retry delay (not a number)"))
    backoff = optional(
        Check(_is_in_range(1, 1000), ": Invalid retry backoff (must be a number from 1 to 1000)")
    )
    max_duration = optional(_number(": Invalid max retry delay (not a number)"))
    jitter = optional(
        Check(_is_in_range(0, 1), ": Invalid retry jitter (must be a number from 0 to 1)")
    )


class QueueLimit(Entry):
    """Jobs that wait for the event's concurrency limit."""

    amount = required(_number(": Invalid max queue (not a number)"))


class FileLimit(Entry):
    """Number, bytes and types of input files."""

    amount = optional(_number(": Invalid max files (not a number)"))
    size = optional(_number(": Invalid max file size (not a number)"))
    accept = optional(
        Check(lambda value: isinstance(value, str), ": Invalid file type list (not a string)"),
        Check(
            lambda value: not isinstance(value, str) or bool(_EXTENSIONS.fullmatch(value)),
            ": Invalid file type list (contains illegal characters)",
        ),
    )


class DayLimit(Entry):
    """Jobs with one kind of result in a day."""

    condition = required(
        Check(
            lambda value: isinstance(value, str) and value in _DAY_CONDITIONS,
            ": Invalid condition (unknown)",
        )
    )
    amount = required(_number(": Invalid max condition count (not a number)"))


class TagLimit(Entry):
    """Tags that a job may end with."""

    amount = required(_number(": Invalid max tags (not a number)"))


#: The schemas by the limits' types.
SCHEMAS = {
    "mem": MemoryLimit(),
    "cpu": CPULimit(),
    "log": LogLimit(),
    "time": TimeLimit(),
    "job": JobLimit(),
    "retry": RetryLimit(),
    "queue": QueueLimit(),
    "file": FileLimit(),
    "day": DayLimit(),
    "tag": TagLimit(),
}


def check_limits(event: Mapping[str, Any]) -> None:
    """Raise `BadRequest` for the first limit that is wrong, or for how they go together."""
    limits = entries_of(event, "limits")
    for number, limit in enumerate(limits, 1):
        prefix = f"Malformed limit entry #{number}"
        check_entry(prefix, schema_of(prefix, limit, SCHEMAS, missing_flag), limit)
    enabled = [limit for limit in limits if is_truthy(limit["enabled"])]
    queues = any(limit["type"] == "queue" and limit["amount"] > 0 for limit in enabled)
    if queues and not any(limit["type"] == "job" for limit in enabled):
        raise BadRequest(_QUEUE_WITHOUT_JOB)
