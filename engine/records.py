"""Reading what a run wrote: the records of its messages, parsed before any transaction begins."""

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from core import json
from core.ids import new_id
from engine import content

Document = dict[str, Any]

#: Bytes of records that are taken at once; a longer single record is taken whole.
BATCH_BYTES = 512 * 1024


@dataclass
class Batch:
    """Records of a run that were read together, where they start, and the place after them."""

    segment: int
    offset: int
    start: tuple[int, int]
    messages: list[Document] = field(default_factory=list)
    #: What the launcher noted for the activity log.
    notes: list[Document] = field(default_factory=list)
    #: What is wrong with the messages, for the activity log.
    warnings: list[str] = field(default_factory=list)
    #: Segments that are read to their end.
    consumed: list[Path] = field(default_factory=list)
    #: There is more to read.
    more: bool = False


def read(folder: Path, segment: int, offset: int, values: content.Values = dict) -> Batch:
    """The next records of a run directory, from a place in its segments on.

    `values` gives what the macros in shown content stand for.
    """
    batch = Batch(segment, offset, (segment, offset))
    size = 0
    while size < BATCH_BYTES:
        path = folder / f"messages.{batch.segment}"
        chunk = _read_records(path, batch.offset)
        for record in chunk.split(b"\n"):
            _sort(record, batch)
        batch.offset += len(chunk)
        size += len(chunk)
        if chunk:
            continue
        if not (folder / f"messages.{batch.segment + 1}").exists():
            break
        batch.consumed.append(path)
        batch.segment, batch.offset = batch.segment + 1, 0
    batch.more = size >= BATCH_BYTES
    _render_content(batch, values)
    return batch


def _read_records(path: Path, offset: int) -> bytes:
    """Whole records from `offset` on; nothing when there is none yet."""
    try:
        with path.open("rb") as file:
            file.seek(offset)
            chunk = file.read(BATCH_BYTES)
            if b"\n" not in chunk:
                chunk += file.readline()
    except FileNotFoundError:
        return b""
    return chunk[: chunk.rfind(b"\n") + 1]


def _sort(record: bytes, batch: Batch) -> None:
    """Put a record where it belongs: `M` is the plugin's message, `N` a note of the launcher."""
    if record.startswith(b"M "):
        try:
            batch.messages.append(json.loads(record[2:]))
        except json.JSONError as error:
            batch.warnings.append(f"WARNING: Error: JSON Parse Error: {error}")
    elif record.startswith(b"N "):
        note = json.loads(record[2:])
        batch.notes.append({"id": new_id("m"), "epoch": note["at"], "msg": note["msg"]})


def _render_content(batch: Batch, values: content.Values) -> None:
    """Render the last content that counts, as `html`: it hides all others, and it is dear."""
    counting = 1 + next(
        (index for index, message in enumerate(batch.messages) if reports_end(message)),
        len(batch.messages) - 1,
    )
    is_rendered = False
    for message in reversed(batch.messages[:counting]):
        sections = {kind: message.pop(kind) for kind in content.KINDS if kind in message}
        if sections and not is_rendered:
            message["html"] = content.render(sections, batch.warnings, values)
            is_rendered = True


def reports_end(message: Document) -> bool:
    """Whether a message says that the job is done, and how."""
    return "code" in message or bool(message.get("complete"))
