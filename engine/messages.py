"""What a plugin's messages change in its job."""

import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from core import json
from core.errors import BadRequest
from core.ids import new_id
from engine import records
from schemas.limits import check_limits
from services.transitions import ENGINE_KEYS

Document = dict[str, Any]

_WORD = re.compile(r"\w+\Z")

#: Keys that a message changes a hundred times: they are kept in the small document.
LIVE_KEYS = ("progress", "status")
#: Keys that only the engine sets, or that only `push` may extend.
_NOT_FROM_PLUGINS = (ENGINE_KEYS - {"code", "complete"}) | frozenset(
    (
        *("xy", "type", "state", "id", "event", "category", "plugin", "source", "username"),
        *("server", "groups", "pid", "cwd", "remote", "now", "started", "updated", "completed"),
        *("elapsed", "final", "activity", "input", "output", "log_file_size", "position"),
        *("suspended", "until", "tags", "actions", "limits", "retried", "jobs", "redraw"),
        *("targets", "algo", "params", "fields", "env", "command", "script", "uid", "gid"),
        *("kill", "priority", "aborting", "ephemeral", "test", "conns", "procs", "cpu", "mem"),
        "timelines",
    )
)
_MERGED_KEYS = ("data", "serverData", "workflowData")
#: When a job has reported so much, characters of JSON, what it reports can't grow any more: all
#: of it is parsed and written again for each batch of messages.
MOST_RESULT_CHARS = 4 * 1024 * 1024
#: What counts even then: what the job is called, how it stands, and how it ends.
_ALWAYS_KEYS = (*LIVE_KEYS, "label", "code", "complete", "description")


@dataclass
class Effect:
    """What a batch of messages changes in a job."""

    results: Document = field(default_factory=dict)
    live: Document = field(default_factory=dict)
    #: Items for the job's own lists: tags, actions, limits.
    pushed: dict[str, list[Any]] = field(default_factory=dict)
    warnings: list[str] = field(default_factory=list)
    #: Keys of the results that are copies of ours already.
    touched: set[str] = field(default_factory=set)


def apply(messages: Sequence[Document], results: Document) -> Effect:
    """What `messages` change, given what the plugin reported before."""
    effect = Effect()
    known = dict(results)
    for message in messages:
        if known.get("complete"):
            break
        _apply_one(message, known, effect)
    effect.results = {key: value for key, value in known.items() if value is not results.get(key)}
    return effect


def without_data(messages: Sequence[Document]) -> list[Document]:
    """Only what says how the job stands and ends."""
    return [{key: message[key] for key in _ALWAYS_KEYS if key in message} for message in messages]


def _apply_one(message: Document, known: Document, effect: Effect) -> None:
    """Apply one message to `known`; a part of it that is malformed becomes a warning."""
    for key, value in message.items():
        if key in _MERGED_KEYS:
            _merge(known, key, value, effect)
        elif key == "push":
            _push(known, value, effect)
        elif key in LIVE_KEYS:
            effect.live[key] = value
        elif key not in _NOT_FROM_PLUGINS:
            known[key] = value
            effect.touched.discard(key)
    if "html" in message or "table" in message:
        effect.live["redraw"] = new_id("m")
    _complete(message, known)


def _merge(known: Document, key: str, value: Any, effect: Effect) -> None:
    """Add an object's members to those of earlier messages; lists grow."""
    if not isinstance(value, dict):
        effect.warnings.append(f"WARNING: Invalid syntax: Not an object: {key}")
        return
    if key not in effect.touched:
        # Copied once for all messages of the batch: from here on it grows in place.
        before = known.get(key)
        before = before if isinstance(before, dict) else {}
        known[key] = {name: _copied(item) for name, item in before.items()}
        effect.touched.add(key)
    target = known[key]
    for name, item in value.items():
        if isinstance(target.get(name), list) and isinstance(item, list):
            target[name].extend(item)
        else:
            target[name] = _copied(item)


def _copied(item: Any) -> Any:
    return list(item) if isinstance(item, list) else item


def _push(known: Document, value: Any, effect: Effect) -> None:
    """Append to lists: the output files, or lists of the job itself."""
    if not isinstance(value, dict):
        effect.warnings.append("WARNING: Invalid push syntax: Not an object.")
        return
    for key, items in value.items():
        if not _WORD.match(key):
            effect.warnings.append("WARNING: Invalid key in push object.")
        elif not isinstance(items, list):
            effect.warnings.append(f"WARNING: Property is not an array: {key}")
        elif key == "files":
            _add_files(known, items, effect)
        elif key in _IS_SOUND:
            sound = [item for item in items if _IS_SOUND[key](item)]
            effect.pushed.setdefault(key, []).extend(sound)
            if len(sound) < len(items):
                effect.warnings.append(f"WARNING: Invalid item in push object: {key}")


def _add_files(known: Document, items: list[Any], effect: Effect) -> None:
    """Append to the list of output files, in place from the second time on."""
    if "files" not in effect.touched:
        before = known.get("files")
        known["files"] = list(before) if isinstance(before, list) else []
        effect.touched.add("files")
    known["files"].extend(items)


def _is_tag(item: Any) -> bool:
    return isinstance(item, str)


def _is_action(item: Any) -> bool:
    return isinstance(item, dict) and all(
        isinstance(item.get(key), str) for key in ("type", "condition")
    )


def _is_limit(item: Any) -> bool:
    """Whether a limit could stand in an event."""
    try:
        check_limits({"limits": [item]})
    except BadRequest:
        return False
    return True


#: Lists of the job that a plugin may extend, and what may go into each.
_IS_SOUND = {"tags": _is_tag, "actions": _is_action, "limits": _is_limit}


def _complete(message: Document, known: Document) -> None:
    """A message with `code` or `complete` reports the end; the exit code does not count then."""
    if records.reports_end(message):
        known["complete"] = True
        known["code"] = message.get("code") or 0
        if "description" in message:
            known["description"] = text_of(message["description"])


def text_of(value: Any) -> str:
    """A description as text, whatever the plugin sent."""
    return value if isinstance(value, str) else json.dumps(value)
