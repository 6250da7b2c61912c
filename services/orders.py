"""Orders: what is to be launched, by whom, and the job's document that is made of it."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from core import clock
from core.config import Settings
from core.ids import new_id
from core.javascript import is_truthy
from schemas.checks import is_number
from schemas.parameters import locked_ids
from services.idempotency import Claim
from services.overrides import LAUNCH_KEYS, RESULT_KEYS
from services.process_environment import text_of
from services.transitions import DELAYS, ENGINE_KEYS, State

Document = dict[str, Any]

#: What of an event does not go on its jobs.
#: The longest delay, seconds: about three years.
_LONGEST_DELAY = 1e8
_NOT_FROM_EVENTS = frozenset(
    (
        *("title", "enabled", "triggers", "modified", "created", "revision", "input"),
        *LAUNCH_KEYS,
        *RESULT_KEYS,
        *ENGINE_KEYS,
    )
)


@dataclass(frozen=True)
class Order:
    """What is to be launched: an event with the run's wishes in it, checked, and by whom."""

    merged: Document
    job_input: Document | None
    #: The job's `source` and `username`.
    source: str
    username: str
    #: Raises `Forbidden` for a document that is out of the caller's reach.
    check_access: Callable[[Document], None]
    test: bool = False
    claim: Claim | None = None
    #: How long the job waits before it starts, seconds.
    start_delay: float = 0


@dataclass(frozen=True)
class Parts:
    """The records that a launch needs beside the event."""

    category: Document
    plugin: Document


def new_document(order: Order, parts: Parts, settings: Settings) -> Document:
    """The live job's document, before macros and overrides, and without a state that counts."""
    now, merged, category = clock.now(), order.merged, parts.category
    limits, actions = list(merged.get("limits", [])), list(merged.get("actions", []))
    if not order.test or merged.get("test_limits"):
        limits += _inherited(category, settings, "limits")
    if not order.test or merged.get("test_actions"):
        actions += _inherited(category, settings, "actions")
    moment = merged.get("now")
    return {
        **{key: value for key, value in merged.items() if key not in _NOT_FROM_EVENTS},
        "limits": limits,
        "actions": actions,
        "username": order.username,
        "source": order.source,
        "event": merged["id"],
        "tags": list(merged.get("tags", [])),
        "id": new_id("j"),
        "env": {**settings["JOB_ENV"], **_variables(parts.plugin)},
        "state": merged.get("state"),
        "started": now,
        "now": moment if is_time(moment) else now,
        "log_file_size": 0,
        **_delay(order, now),
        **_launch_keys(parts.plugin, merged["params"]),
    }


def _delay(order: Order, now: float) -> Document:
    if order.start_delay <= 0:
        return {}
    return {"state": State.START_DELAY, "until": now + order.start_delay}


def _launch_keys(plugin: Document, params: Document) -> Document:
    """How the process is started: by whom too, where a locked parameter of the plugin says so."""
    keys = {
        "command": plugin.get("command", ""),
        "script": "(File)" if plugin.get("script") else "",
        "uid": plugin.get("uid", ""),
        "gid": plugin.get("gid", ""),
        "kill": plugin.get("kill", ""),
    }
    if plugin.get("runner"):
        keys["runner"] = True
    locked = {"uid", "gid"}.intersection(locked_ids(plugin.get("params")))
    return keys | {key: params[key] for key in locked if is_truthy(params.get(key))}


def _variables(plugin: Document) -> Document:
    """The variables that a plugin sets for its jobs."""
    env = plugin.get("env")
    return {name: text_of(value) for name, value in env.items()} if isinstance(env, dict) else {}


def _inherited(category: Document, settings: Settings, kind: str) -> list[Document]:
    """The enabled limits or actions of the category, then those of all jobs, marked as such."""
    universal = settings[f"UNIVERSAL_{kind.upper()}"]
    sources = (("category", category.get(kind, [])), ("universal", universal))
    return [
        item | {"source": source}
        for source, items in sources
        for item in items
        if item.get("enabled")
    ]


def first_state(job: Document) -> State:
    """A delay when the caller asked for one and said until when; else the job is ready."""
    delayed = job.get("state") in DELAYS and is_time(job.get("until"))
    return State(job["state"]) if delayed else State.READY


def is_time(value: Any) -> bool:
    """Whether a value is a moment, Unix seconds."""
    return isinstance(value, (int, float)) and not isinstance(value, bool) and 0 < value < 1e12


def delay_seconds(value: Any) -> float:
    """How long a value says that a job is to wait; what is no number of seconds is no delay."""
    return max(0.0, min(float(value), _LONGEST_DELAY)) if is_number(value) else 0.0
