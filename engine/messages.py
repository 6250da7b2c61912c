"""What a plugin says: reading the records of a run directory, and what each message changes."""

import re
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from core import json
from core.ids import new_id
from engine import content

Document = dict[str, Any]

#: Bytes of messages that are applied at once; a longer single message is taken whole.
_BATCH_BYTES = 2 * 1024 * 1024
#: Refused messages of one batch that are noted one by one.
_MOST_NOTES = 20
_WORD = re.compile(r"\w+\Z")

#: Keys that a message changes a hundred times: they are kept in the small document.
LIVE_KEYS = ("progress", "status")
#: Keys that only the engine sets, or that only `push` may extend.
_NOT_FROM_PLUGINS = frozenset(
    (
        *("xy", "type", "state", "id", "event", "category", "plugin", "source", "username"),
        *("server", "groups", "pid", "cwd", "remote", "now", "started", "updated", "completed"),
        *("elapsed", "final", "activity", "input", "output", "log_file_size", "position"),
        *("suspended", "until", "tags", "actions", "limits", "retried", "jobs", "redraw"),
    )
)
_MERGED_KEYS = ("data", "serverData", "workflowData")
_CONTENT_KEYS = ("html", "text", "markdown")


@dataclass
class Batch:
    """Records of a run that were read together, where they start, and the place after them."""

    segment: int
    offset: int
    start: tuple[int, int]
    messages: list[bytes] = field(default_factory=list)
    notes: list[Document] = field(default_factory=list)
    #: Segments that are read to their end.
    consumed: list[Path] = field(default_factory=list)
    #: There is more to read.
    more: bool = False


def read(folder: Path, segment: int, offset: int) -> Batch:
    """The next records of a run directory, from a place in its segments on."""
    batch = Batch(segment, offset, (segment, offset))
    size = 0
    while size < _BATCH_BYTES:
        path = folder / f"messages.{batch.segment}"
        chunk = _read_records(path, batch.offset)
        for record in chunk.split(b"\n"):
            _sort(record, batch)
        batch.offset += len(chunk)
        size += len(chunk)
        if chunk:
            continue
        if not (folder / f"messages.{batch.segment + 1}").exists():
            return batch
        batch.consumed.append(path)
        batch.segment, batch.offset = batch.segment + 1, 0
    batch.more = True
    return batch


def _read_records(path: Path, offset: int) -> bytes:
    """Whole records from `offset` on; nothing when there is none yet."""
    try:
        with path.open("rb") as file:
            file.seek(offset)
            chunk = file.read(_BATCH_BYTES)
            if b"\n" not in chunk:
                chunk += file.readline()
    except FileNotFoundError:
        return b""
    return chunk[: chunk.rfind(b"\n") + 1]


def _sort(record: bytes, batch: Batch) -> None:
    """Put a record where it belongs: `M` is the plugin's message, `N` a note of the launcher."""
    if record.startswith(b"M "):
        batch.messages.append(record[2:])
    elif record.startswith(b"N "):
        note = json.loads(record[2:])
        batch.notes.append({"id": new_id("m"), "epoch": note["at"], "msg": note["msg"]})


@dataclass
class Effect:
    """What a batch of messages changes in a job."""

    results: Document = field(default_factory=dict)
    live: Document = field(default_factory=dict)
    #: Items for the job's own lists: tags, actions, limits.
    pushed: dict[str, list[Any]] = field(default_factory=dict)
    warnings: list[str] = field(default_factory=list)


def apply(messages: list[bytes], results: Document) -> Effect:
    """What `messages` change, given what the plugin reported before."""
    effect = Effect()
    known = dict(results)
    for text in messages:
        try:
            message = json.loads(text)
        except json.JSONError as error:
            effect.warnings.append(f"WARNING: Error: JSON Parse Error: {error}")
            continue
        if known.get("complete"):
            break
        _apply_one(message, known, effect)
    effect.results = {key: value for key, value in known.items() if value is not results.get(key)}
    if len(effect.warnings) > _MOST_NOTES:
        more = len(effect.warnings) - _MOST_NOTES
        effect.warnings[_MOST_NOTES:] = [f"WARNING: {more} more messages could not be applied."]
    return effect


def _apply_one(message: Document, known: Document, effect: Effect) -> None:
    """Apply one message to `known`; a part of it that is malformed becomes a warning."""
    for key, value in message.items():
        if key in _MERGED_KEYS:
            _merge(known, key, value, effect)
        elif key == "push":
            _push(known, value, effect)
        elif key in LIVE_KEYS:
            effect.live[key] = value
        elif key not in _NOT_FROM_PLUGINS and key not in _CONTENT_KEYS:
            known[key] = value
    shown = content.render(message, effect.warnings)
    if shown is not None:
        known["html"] = shown
    if shown is not None or "table" in message:
        effect.live["redraw"] = new_id("m")
    _complete(message, known)


def _merge(known: Document, key: str, value: Any, effect: Effect) -> None:
    """Add an object's members to those of earlier messages; lists grow."""
    if not isinstance(value, dict):
        effect.warnings.append(f"WARNING: Invalid syntax: Not an object: {key}")
        return
    before = known.get(key, {})
    known[key] = before | {name: _grown(before.get(name), item) for name, item in value.items()}


def _grown(before: Any, item: Any) -> Any:
    return before + item if isinstance(before, list) and isinstance(item, list) else item


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
            before = known.get("files")
            known["files"] = [*(before if isinstance(before, list) else []), *items]
        elif key in _IS_SOUND:
            sound = [item for item in items if _IS_SOUND[key](item)]
            effect.pushed.setdefault(key, []).extend(sound)
            if len(sound) < len(items):
                effect.warnings.append(f"WARNING: Invalid item in push object: {key}")


def _is_tag(item: Any) -> bool:
    return isinstance(item, str)


def _is_action(item: Any) -> bool:
    return isinstance(item, dict) and all(
        isinstance(item.get(key), str) for key in ("type", "condition")
    )


def _is_limit(item: Any) -> bool:
    """Whether the engine can work with a limit: its numbers are numbers."""
    if not isinstance(item, dict) or not isinstance(item.get("type"), str):
        return False
    needed = {"time": "duration", "job": "amount", "queue": "amount"}.get(item["type"])
    number = item.get(needed) if needed else 0
    return isinstance(number, (int, float)) and not isinstance(number, bool)


#: Lists of the job that a plugin may extend, and what may go into each.
_IS_SOUND = {"tags": _is_tag, "actions": _is_action, "limits": _is_limit}


def _complete(message: Document, known: Document) -> None:
    """A message with `code` or `complete` reports the end; the exit code does not count then."""
    if "code" in message or message.get("complete"):
        known["complete"] = True
        known["code"] = message.get("code") or 0
        if "description" in message:
            known["description"] = text_of(message["description"])


def text_of(value: Any) -> str:
    """A description as text, whatever the plugin sent."""
    return value if isinstance(value, str) else json.dumps(value)
