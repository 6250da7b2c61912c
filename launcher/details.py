"""The description of single processes, as clients list them."""

from __future__ import annotations

import grp
import os
import pwd
import time

from launcher.process import Process, read_proc_file

TICKS_PER_SECOND = os.sysconf("SC_CLK_TCK")

#: Longer command lines are cut.
MAX_COMMAND_BYTES = 1024

_PAGE_BYTES = os.sysconf("SC_PAGE_SIZE")
_MEMORY_BYTES = os.sysconf("SC_PHYS_PAGES") * _PAGE_BYTES
_CPUS = os.cpu_count() or 1

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

#: Ticks of CPU and bytes of I/O of one process, and when they were read.
Counters = tuple[float, int, int]


class Describer:
    """Turns processes into the entries of a sample; rates are those since the last one."""

    def __init__(self) -> None:
        self._counters: dict[tuple[int, int], Counters] = {}
        self._last: dict[tuple[int, int], Counters] = {}
        self._users: dict[int, str] = {}
        self._groups: dict[int, str] = {}
        self._boot = time.time() - time.clock_gettime(time.CLOCK_BOOTTIME)

    def begin(self) -> None:
        """A new sample: what was counted for the last one becomes the base of the rates."""
        self._last, self._counters = self._counters, {}
        self._boot = time.time() - time.clock_gettime(time.CLOCK_BOOTTIME)

    def describe(self, members: list[Process]) -> dict[str, object]:
        return {str(process.pid): self._entry(process) for process in members}

    def _entry(self, process: Process) -> dict[str, object]:
        fields = process.fields
        started = self._boot + process.start / TICKS_PER_SECOND
        rss_bytes = process.rss_pages * _PAGE_BYTES
        user, group = self._owner(process.pid)
        cpu_percent, io_bytes = self._rates(process, started)
        return {
            "pid": process.pid,
            "parentPid": process.parent,
            "user": user,
            "cpu": cpu_percent,
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
            "command": _command(process),
            "disk": io_bytes,
            "conns": 0,
            "net": 0,
            "started": int(started),
        }

    def _rates(self, process: Process, started: float) -> tuple[float, int]:
        """CPU in percent of the machine and bytes read and written, since the last sample."""
        now = time.time()
        identity = (process.pid, process.start)
        then, ticks_then, bytes_then = self._last.get(identity, (started, 0, 0))
        ticks, io_bytes = process.own_ticks, _io_bytes(process.pid)
        self._counters[identity] = (now, ticks, io_bytes)
        seconds = max(now - then, 1 / TICKS_PER_SECOND)
        cpu = (ticks - ticks_then) / TICKS_PER_SECOND / seconds / _CPUS * 100
        return round(max(cpu, 0.0), 2), max(io_bytes - bytes_then, 0)

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
    """Bytes that the process passed through read and write calls."""
    fields = read_proc_file(pid, "io").split()
    return int(fields[1]) + int(fields[3]) if len(fields) > 3 else 0


def _command(process: Process) -> str:
    """Its command line, or its name in brackets if it has none."""
    words = read_proc_file(process.pid, "cmdline", MAX_COMMAND_BYTES).rstrip(b"\0")
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
