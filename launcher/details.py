"""The description of single processes, as clients list them."""

from __future__ import annotations

import grp
import os
import pwd
import time
from collections.abc import Sequence

from launcher.masking import mask
from launcher.process import Process, read_proc_file
from launcher.traffic import Traffic

TICKS_PER_SECOND = os.sysconf("SC_CLK_TCK")

#: Processes that are listed of one run, and of all runs together.
MAX_PROCESSES = 100
MAX_PROCESSES_IN_ALL = 2000
#: Of many runs each may list at least so many.
MIN_PROCESSES = 10
#: Bytes of the command lines of one run in all; each is cut to its share of them.
MAX_COMMANDS_BYTES = 16 * 1024
MIN_COMMAND_BYTES = 64
MAX_COMMAND_BYTES = 1024

PAGE_BYTES = os.sysconf("SC_PAGE_SIZE")
_MEMORY_BYTES = os.sysconf("SC_PHYS_PAGES") * PAGE_BYTES
CPUS = os.cpu_count() or 1

_STATES = {
    b"I": "Idle",
    b"S": "Sleeping",
    b"D": "Sleeping",
    b"R": "Running",
    b"Z": "Zombie",
    b"T": "Stopped",
    b"t": "Stopped",
    b"W": "Paged",
    b"X": "Dead",
}
_CLASSES = {b"1": "FIFO", b"2": "Round Robin", b"3": "Batch", b"5": "Idle"}

Entry = dict[str, object]


class Usage:
    """What one process has used: bytes read and written in all, and CPU since the last sample."""

    __slots__ = ("at", "cpu_percent", "disk_bytes", "ticks")

    def __init__(self, process: Process, last: Usage | None, started: float) -> None:
        self.at = time.time()
        self.ticks = process.own_ticks
        before, ticks_before = (started, 0) if last is None else (last.at, last.ticks)
        seconds = max(self.at - before, 1 / TICKS_PER_SECOND)
        percent = (self.ticks - ticks_before) / TICKS_PER_SECOND / seconds / CPUS * 100
        self.cpu_percent = round(max(percent, 0.0), 2)
        self.disk_bytes = _io_bytes(process.pid)


class Describer:
    """Turns processes into the entries of a sample."""

    def __init__(self, traffic: Traffic) -> None:
        self._traffic = traffic
        self._usages: dict[tuple[int, int], Usage] = {}
        self._last: dict[tuple[int, int], Usage] = {}
        self._most = MAX_PROCESSES
        self._users: dict[int, str] = {}
        self._groups: dict[int, str] = {}
        self._boot = 0.0

    def begin(self, runs: int) -> None:
        """A new sample of so many runs: what was used at the last one is what rates start from."""
        self._last, self._usages = self._usages, {}
        self._most = min(MAX_PROCESSES, max(MIN_PROCESSES, MAX_PROCESSES_IN_ALL // runs))
        self._boot = time.time() - time.clock_gettime(time.CLOCK_BOOTTIME)

    def measure(self, members: list[Process]) -> int:
        """Measure the processes of a run; returns the bytes that they have read and written."""
        for process in members:
            identity = (process.pid, process.start)
            last = self._last.get(identity)
            self._usages[identity] = Usage(process, last, self._started(process))
        return sum(self._usage(process).disk_bytes for process in members)

    def describe(self, members: list[Process], secrets: Sequence[bytes] = ()) -> dict[str, Entry]:
        """The entries of the measured processes of a run by id, the hungriest first.

        `secrets` are not shown in their command lines.
        """
        ranked = sorted(members, key=self._hunger, reverse=True)[: self._most]
        command_bytes = MAX_COMMANDS_BYTES // max(len(ranked), 1)
        command_bytes = min(MAX_COMMAND_BYTES, max(MIN_COMMAND_BYTES, command_bytes))
        return {
            str(process.pid): self._entry(process, command_bytes, secrets) for process in ranked
        }

    def _entry(self, process: Process, command_bytes: int, secrets: Sequence[bytes]) -> Entry:
        fields = process.fields
        started = self._started(process)
        rss_bytes = process.rss_pages * PAGE_BYTES
        user, group = self._owner(process.pid)
        usage, network = self._usage(process), self._traffic.use_of(process.pid)
        return {
            "pid": process.pid,
            "parentPid": process.parent,
            "user": user,
            "cpu": usage.cpu_percent,
            "memRss": rss_bytes,
            "age": max(0, int(time.time() - started)),
            "state": _STATES.get(process.state, "Unknown"),
            # As ps prints it: an ordinary process has 19, a higher number runs first.
            "priority": 39 - int(fields[15]),
            "nice": int(fields[16]),
            "memVsz": int(fields[20]),
            "tty": _terminal(int(fields[4])),
            "mem": round(rss_bytes / _MEMORY_BYTES * 100, 1),
            "class": _CLASSES.get(fields[38], "Other"),
            "group": group,
            "threads": int(fields[17]),
            "time": process.own_ticks // TICKS_PER_SECOND,
            "command": _command(process, command_bytes, secrets),
            "started": int(started),
            "disk": usage.disk_bytes,
            "conns": network.connections,
            "net": network.bytes_per_second,
        }

    def _started(self, process: Process) -> float:
        return self._boot + process.start / TICKS_PER_SECOND

    def _usage(self, process: Process) -> Usage:
        return self._usages[process.pid, process.start]

    def _hunger(self, process: Process) -> tuple[float, int]:
        return self._usage(process).cpu_percent, process.rss_pages

    def _owner(self, pid: int) -> tuple[str, str]:
        try:
            stat = os.stat(f"/proc/{pid}")
        except OSError:
            return "", ""
        return self._user_name(stat.st_uid), self._group_name(stat.st_gid)

    def _user_name(self, uid: int) -> str:
        if uid not in self._users:
            try:
                self._users[uid] = pwd.getpwuid(uid).pw_name
            except KeyError:
                self._users[uid] = str(uid)
        return self._users[uid]

    def _group_name(self, gid: int) -> str:
        if gid not in self._groups:
            try:
                self._groups[gid] = grp.getgrgid(gid).gr_name
            except KeyError:
                self._groups[gid] = str(gid)
        return self._groups[gid]


def _io_bytes(pid: int) -> int:
    """Bytes that the process and the children it has waited for read and wrote by calls."""
    fields = read_proc_file(pid, "io").split()
    return int(fields[1]) + int(fields[3]) if len(fields) > 3 else 0


def _command(process: Process, most_bytes: int, secrets: Sequence[bytes]) -> str:
    """Its command line, or its name in brackets if it has none."""
    # One that is cut in two could not be recognised.
    more_bytes = max(map(len, secrets), default=0)
    words = read_proc_file(process.pid, "cmdline", most_bytes + more_bytes)
    words = mask(words, secrets)[:most_bytes].rstrip(b"\0")
    text = words.replace(b"\0", b" ") or b"[" + process.name + b"]"
    return text.decode("utf-8", "replace")


def _terminal(number: int) -> str:
    """A device number as ps names it."""
    major, minor = os.major(number), os.minor(number)
    if number == 0:
        return "?"
    if 136 <= major <= 143:
        return f"pts/{minor + (major - 136) * 256}"
    return f"tty{minor}" if major == 4 else "?"
