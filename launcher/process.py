"""One process as /proc shows it, and signals that cannot hit a stranger with the same number."""

from __future__ import annotations

import contextlib
import os
import signal

#: Name of the environment variable that every process of a job inherits.
MARKER = b"SWITCHYARD_LAUNCH"

#: Enough for any line of /proc/PID/stat.
_STAT_BYTES = 4096


class Process:
    """The fields of /proc/PID/stat; times are in clock ticks."""

    __slots__ = ("fields", "group", "name", "parent", "pid", "session", "start", "state")

    def __init__(self, pid: int, stat: bytes) -> None:
        # The name stands in parentheses and may itself contain any byte.
        opening, closing = stat.index(b"("), stat.rindex(b")")
        self.pid = pid
        self.name = stat[opening + 1 : closing]
        #: Fields from the third on, the state.
        self.fields = stat[closing + 2 :].split()
        self.state = self.fields[0]
        self.parent = int(self.fields[1])
        self.group = int(self.fields[2])
        self.session = int(self.fields[3])
        self.start = int(self.fields[19])

    @property
    def alive(self) -> bool:
        """Whether it can still run; a zombie cannot, unless only its main thread has ended."""
        return self.state not in (b"Z", b"X") or int(self.fields[17]) > 1

    @property
    def own_ticks(self) -> int:
        return int(self.fields[11]) + int(self.fields[12])

    @property
    def total_ticks(self) -> int:
        """Its own time and that of the children it has waited for."""
        return self.own_ticks + int(self.fields[13]) + int(self.fields[14])

    @property
    def rss_pages(self) -> int:
        return int(self.fields[21])


def read_proc_file(pid: int, name: str, size: int = _STAT_BYTES) -> bytes:
    """Up to `size` bytes of /proc/PID/NAME; empty if the process is gone or not ours to see."""
    try:
        fd = os.open(f"/proc/{pid}/{name}", os.O_RDONLY)
    except OSError:
        return b""
    try:
        return os.read(fd, size)
    except OSError:
        return b""
    finally:
        os.close(fd)


def read_process(pid: int) -> Process | None:
    stat = read_proc_file(pid, "stat")
    return Process(pid, stat) if stat else None


def read_marker(pid: int) -> str:
    """The launch id in the environment of a process; empty if it has none."""
    environment = bytearray()
    try:
        with open(f"/proc/{pid}/environ", "rb", buffering=0) as file:
            while chunk := file.read(1 << 16):
                environment += chunk
    except OSError:
        return ""
    _, found, rest = (b"\0" + environment).rpartition(b"\0" + MARKER + b"=")
    return rest.partition(b"\0")[0].decode("ascii", "replace") if found else ""


def read_links(pid: int) -> list[str]:
    """Where the working directory and the standard streams of a process lead."""
    links = []
    for name in ("cwd", "fd/0", "fd/1", "fd/2"):
        with contextlib.suppress(OSError):
            links.append(os.readlink(f"/proc/{pid}/{name}"))
    return links


def send_signal(pid: int, start: int, number: int) -> bool:
    """Signal exactly the process that started at tick `start`; false if it may not be."""
    try:
        fd = os.pidfd_open(pid)
    except OSError:
        return True
    try:
        # Checked after the descriptor is open: from then on it means one process only.
        process = read_process(pid)
        if process is not None and process.start == start:
            signal.pidfd_send_signal(fd, number)
    except ProcessLookupError:
        return True
    except PermissionError:
        return False
    finally:
        os.close(fd)
    return True
