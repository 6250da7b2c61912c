"""The log of a job that ends: how large it is, and where its record keeps it."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from core import blobs
from engine.turn import Turn
from models.job_text import LOG_BYTES

#: Logs up to this size, bytes, lie in the database.
_MOST_IN_ROW = 64 * 1024


@dataclass
class Log:
    """Where a job's log is to be kept."""

    form: str = "none"
    size: int = 0
    data: bytes | None = None
    #: Its beginning, as far as searches look at it.
    head: bytes = b""

    @property
    def file_bytes(self) -> int:
        """What it takes outside of the database."""
        return self.size if self.form == "plain" else 0


def store(turn: Turn, row: Any, instead: str) -> Log:
    """Keep the log: in the row, as a file, or, where it is empty, `instead` of it this text."""
    source = _source(turn, row)
    size = size_bytes(turn, row)
    if size > _MOST_IN_ROW and source is not None:
        instance = turn.settings["INSTANCE_PATH"]
        size = blobs.adopt_log(instance, row.id, source)
        return Log("plain", size, head=blobs.head(instance, row.id, LOG_BYTES))
    data = source.read_bytes() if size and source is not None else instead.encode()
    return Log("row", len(data), data, head=data) if data else Log()


def size_bytes(turn: Turn, row: Any) -> int:
    """The log's size, also where it was moved by an engine that died before its commit."""
    source = _source(turn, row)
    if source is None:
        return 0
    try:
        return source.stat().st_size
    except FileNotFoundError:
        log = blobs.open_log(turn.settings["INSTANCE_PATH"], row.id)
    if log is None:
        return 0
    log.close()
    return log.size


def _source(turn: Turn, row: Any) -> Path | None:
    """The file that the job's process wrote, if it had one."""
    if row.launch is None:
        return None
    return blobs.live_log(turn.settings["INSTANCE_PATH"], row.id, row.launch)
