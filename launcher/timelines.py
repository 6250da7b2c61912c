"""The samples of one run, kept in its directory until its job becomes a record.

A line of JSON each: `second` has the last few minutes, `minute` one for each minute of the clock.
A full file becomes `….old` in place of the one before it. Samples are worth less than the job's
own output: what the disk refuses is left out.
"""

from __future__ import annotations

import contextlib
import json
import os
from collections.abc import Mapping

from launcher.details import Entry

#: Entries that a file takes, and that a reader may count on.
MAX_SECONDS = 300
MAX_MINUTES = 1440
#: Bytes that the entries of one file may take in all; when little is left, each gets the least.
_SECONDS_BYTES = 512 * 1024
_MINUTES_BYTES = 2 * 1024 * 1024
_LEAST_BYTES = 1024
#: An entry gets this part of what is left.
_SHARE = 64
#: What the timeline of seconds tells of a process.
_BRIEF = ("cpu", "memRss", "command", "disk", "net")
_MINUTE_SECONDS = 60
#: A job may put a pipe in a file's place: opening that must not wait.
_FLAGS = os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_NOFOLLOW | os.O_NONBLOCK
_MOST_CONNECTIONS = 20


class Timelines:
    """Both timelines of a run."""

    def __init__(self, run_dir: str) -> None:
        self._seconds = _Timeline(f"{run_dir}/samples.second", MAX_SECONDS, _SECONDS_BYTES)
        self._minutes = _Timeline(f"{run_dir}/samples.minute", MAX_MINUTES, _MINUTES_BYTES)
        self._minute = 0

    def add(
        self, at: float, procs: Mapping[str, Entry], conns: list[Entry], totals: Mapping[str, int]
    ) -> None:
        """Append a sample; `totals` are `disk` and `net`, bytes since the run began."""
        brief = {pid: {key: entry[key] for key in _BRIEF} for pid, entry in procs.items()}
        self._seconds.append({"epoch": round(at, 3), **totals}, brief)
        minute = int(at) // _MINUTE_SECONDS * _MINUTE_SECONDS
        if minute > self._minute:
            self._minute = minute
            head = {"epoch": minute, **totals, "conns": conns[:_MOST_CONNECTIONS]}
            self._minutes.append(head, procs)


class _Timeline:
    """One file of entries, and the one that it replaced."""

    def __init__(self, path: str, most: int, most_bytes: int) -> None:
        self._path = path
        self._most = most
        self._most_bytes = most_bytes
        self._entries = 0
        self._bytes = 0

    def append(self, head: Entry, procs: Mapping[str, Entry]) -> None:
        """Add an entry with all processes, or the hungriest where there is no room for all."""
        if self._entries >= self._most:
            with contextlib.suppress(OSError):
                os.replace(self._path, f"{self._path}.old")
            self._entries = self._bytes = 0
        room = max(_LEAST_BYTES, (self._most_bytes - self._bytes) // _SHARE)
        line = _line(head, procs)
        if len(line) > room:
            line = _line(head, _hungriest(procs, room))
        self._entries += 1
        self._bytes += len(line)
        self._write(line)

    def _write(self, line: bytes) -> None:
        with contextlib.suppress(OSError):
            fd = os.open(self._path, _FLAGS, 0o600)
            try:
                os.write(fd, line)
            finally:
                os.close(fd)


def _line(head: Entry, procs: Mapping[str, Entry]) -> bytes:
    return json.dumps({**head, "procs": procs}, separators=(",", ":")).encode() + b"\n"


def _hungriest(procs: Mapping[str, Entry], room: int) -> dict[str, Entry]:
    """As many processes as there is room for, and at least one; the first ones need most."""
    kept: dict[str, Entry] = {}
    for pid, entry in procs.items():
        room -= len(_line({}, {pid: entry}))
        if room < 0 and kept:
            break
        kept[pid] = entry
    return kept
