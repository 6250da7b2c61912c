"""What a run's processes used over time, read from the samples in its directory.

The launcher appends them while the job runs (`launcher/timelines.py`). The job could write there
too, so nothing but the size and the outer shape of an entry is relied on.
"""

import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from core import json

Document = dict[str, Any]

#: Entries of each timeline, the newest.
MAX_SECONDS = 300
MAX_MINUTES = 1440
_SECOND, _MINUTE = "samples.second", "samples.minute"
#: What is read of one file, its end; a launcher writes less.
_MOST_BYTES = 4 * 1024 * 1024
#: Keys that are for us: what the run had read, written and sent over the network by then.
_TOTALS = ("disk", "net")
_KEYS = frozenset(("epoch", "procs", "conns", *_TOTALS))
_SCALARS = frozenset((str, int, float))
_END_OF_TIME = 1e11
_MOST_COUNTED = 2**63


@dataclass(frozen=True)
class Timelines:
    """Both timelines of a run as JSON text, and what the run had moved by its last sample."""

    #: `{"second":[…],"minute":[…]}`; empty where nothing was measured.
    text: str = ""
    disk_bytes: int = 0
    net_bytes: int = 0
    last_epoch: float = 0.0

    def averages(self, started: float) -> Document:
        """`disk` and `net` of a record: so many bytes in `total`, in `count` seconds."""
        seconds = max(1, round(self.last_epoch - started)) if self.text else 0
        return {
            "disk": {"total": self.disk_bytes, "count": seconds},
            "net": {"total": self.net_bytes, "count": seconds},
        }


NONE = Timelines()


def exist(run_dir: Path) -> bool:
    """Whether a run was measured at all."""
    return (run_dir / _SECOND).exists()


def read(run_dir: Path) -> Timelines:
    """The timelines of a run. This may take a tenth of a second: do it in a thread."""
    second = _read(run_dir / _SECOND, MAX_SECONDS)
    minute = _read(run_dir / _MINUTE, MAX_MINUTES)
    if not second:
        return NONE
    disk_bytes, net_bytes = (_count(second[-1].get(key)) for key in _TOTALS)
    for entry in (*second, *minute):
        for key in _TOTALS:
            entry.pop(key, None)
    text = json.dumps({"second": second, "minute": minute})
    return Timelines(text, disk_bytes, net_bytes, second[-1]["epoch"])


def _read(path: Path, most: int) -> list[Document]:
    """The newest entries of a timeline, oldest first.

    The newer file is read first: should it become the older one meanwhile, then its entries are
    there twice instead of missing.
    """
    texts = [_tail(path), _tail(path.with_name(f"{path.name}.old"))]
    entries = {entry["epoch"]: entry for text in texts for entry in _entries(text)}
    return [entries[epoch] for epoch in sorted(entries)][-most:]


def _tail(path: Path) -> bytes:
    """The end of a file; nothing where a link or a pipe stands in its place."""
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK)
        with open(descriptor, "rb") as file:  # noqa: PTH123 - a descriptor, not a path
            file.seek(max(0, file.seek(0, os.SEEK_END) - _MOST_BYTES))
            return file.read(_MOST_BYTES)
    except OSError:
        return b""


def _entries(text: bytes) -> Iterator[Document]:
    for line in text.split(b"\n"):
        try:
            entry = json.loads(line)
        except json.JSONError:
            # Half a line, where the disk was full, or none of the launcher's.
            continue
        if isinstance(entry, dict) and _is_sound(entry):
            yield entry


def _is_sound(entry: Document) -> bool:
    """Whether a record can hold this; it may nest no deeper than the launcher's own do."""
    epoch, procs, conns = entry.get("epoch"), entry.get("procs"), entry.get("conns", [])
    return (
        isinstance(epoch, (int, float))
        and 0 <= epoch < _END_OF_TIME
        and isinstance(procs, dict)
        and isinstance(conns, list)
        and all(map(_is_flat, procs.values()))
        and all(map(_is_flat, conns))
        and entry.keys() <= _KEYS
    )


def _is_flat(value: Any) -> bool:
    return isinstance(value, dict) and all(map(_SCALARS.__contains__, map(type, value.values())))


def _count(value: Any) -> int:
    return value if type(value) is int and 0 <= value < _MOST_COUNTED else 0
