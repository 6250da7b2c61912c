"""Overrides: parameters named `_xy_override_X`, which set the property X of their job."""

import math
from collections.abc import Callable, Mapping
from typing import Any

from core.javascript import to_number
from schemas.event import check_overrides
from schemas.parameters import is_reserved, override_of
from schemas.references import References
from services.transitions import ENGINE_KEYS

Document = dict[str, Any]

#: How a process is started is the plugin's business alone.
LAUNCH_KEYS = ("command", "script", "uid", "gid", "cwd", "env", "kill", "runner")
#: What only a job's process reports; pages show its HTML as it is, so nobody may bring some along.
RESULT_KEYS = ("html", "table", "perf", "progress", "status", "cpu", "mem", "procs", "conns")
#: What callers can't bring along: it belongs to the event, or is the engine's to set.
NOT_FROM_CALLERS = frozenset(
    (
        *("type", "category", *LAUNCH_KEYS),
        *("enabled", "triggers", "created", "modified", "revision", "session_id", "source"),
        *("username", "data", "files", "retry_prev", "parent", "api_key", "json", "post_data"),
        *("idempotency_key", *RESULT_KEYS, *(ENGINE_KEYS - {"id", "state"})),
    )
)
_NOT_OVERRIDABLE = NOT_FROM_CALLERS | {"id", "title", "input"}
#: What is decided before a job starts, and can't be changed later on.
_ONLY_AT_LAUNCH = frozenset({"state", "until", "now", "test", "test_limits", "test_actions"})
_LISTS = ("targets", "tags")
_TIMES = ("until", "now")


def wanted(params: Mapping[str, Any], *, at_launch: bool) -> Document:
    """The properties that parameters set; those that no caller may set are left out.

    Parameters are texts: lists are read as names with commas, times as numbers.
    """
    left_out = _NOT_OVERRIDABLE if at_launch else _NOT_OVERRIDABLE | _ONLY_AT_LAUNCH
    pairs = (
        (override_of(key), value)
        for key, value in params.items()
        if value and isinstance(value, (str, list)) and not is_reserved(key)
    )
    return {key: _read(key, value) for key, value in pairs if key and key not in left_out}


def _read(key: str, value: str | list[Any]) -> Any:
    if key in _LISTS and isinstance(value, str):
        return [name.strip() for name in value.split(",") if name.strip()]
    if key in _TIMES:
        number = to_number(value)
        return number if math.isfinite(number) else value
    return value


def check(
    values: Document,
    job: Mapping[str, Any],
    references: References,
    check_access: Callable[[Document], None],
) -> None:
    """Raise for values that run_event would refuse for this job, or targets out of reach."""
    check_overrides(values, references)
    if "targets" in values:
        check_access({"category": job.get("category"), "targets": values["targets"]})
