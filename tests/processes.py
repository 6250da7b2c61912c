"""What tests see of processes: by /proc, and never by names that others could share."""

import os
import signal
import time
from pathlib import Path


def until(condition, seconds=30.0, what="the awaited"):
    """Poll until `condition()` gives something true, and return that."""
    deadline = time.monotonic() + seconds
    while not (value := condition()):
        assert time.monotonic() < deadline, f"{what} did not happen within {seconds} s"
        time.sleep(0.01)
    return value


def all_pids():
    """Every process there is."""
    return [int(name) for name in os.listdir("/proc") if name.isdecimal()]


def stat_of(pid):
    """State and parent of a process; nothing when it is gone."""
    try:
        text = Path(f"/proc/{pid}/stat").read_text("latin-1")
    except OSError:
        return None
    state, parent = text.rpartition(")")[2].split()[:2]
    return state, int(parent)


def is_alive(pid):
    """Whether a process runs; a zombie does not."""
    stat = stat_of(pid)
    return stat is not None and stat[0] not in "ZX"


def children_of(pid):
    """The living children of a process."""
    stats = ((one, stat_of(one)) for one in all_pids())
    return [one for one, stat in stats if stat and stat[1] == pid and stat[0] not in "ZX"]


def command_line(pid):
    """A process's arguments, with spaces between them; empty when it is gone."""
    return _read(pid, "cmdline").replace(b"\0", b" ").decode("utf-8", "replace")


def environment(pid):
    """A process's environment at its start, as bytes; empty when it is gone."""
    return _read(pid, "environ")


def having(marker):
    """The living processes with `marker` in their command line, the caller's own left out."""
    return [
        pid
        for pid in all_pids()
        if pid != os.getpid() and marker in command_line(pid) and is_alive(pid)
    ]


def kill(pid, number=signal.SIGKILL):
    """Send a signal to a process that a test started; one that is gone is fine."""
    try:
        os.kill(pid, number)
    except ProcessLookupError:
        return


def _read(pid, name):
    try:
        return Path(f"/proc/{pid}/{name}").read_bytes()
    except OSError:
        return b""
