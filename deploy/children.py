"""One supervised process: starting it, telling when it has ended or hangs, ending it for good."""

import ctypes
import os
import signal
import subprocess
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

#: Seconds until an ended child starts again: the first delay, doubled each time up to the last.
FIRST_DELAY_SECONDS = 0.1
LAST_DELAY_SECONDS = 10.0
#: A child that lived this long starts again after the first delay.
STEADY_SECONDS = 30.0

_PR_SET_PDEATHSIG = 1
# Loaded here, because nothing may be loaded between fork and exec.
_libc = ctypes.CDLL(None)


@dataclass(frozen=True)
class Command:
    """What to start and how to tell that it hangs."""

    name: str
    argv: Sequence[str]
    cwd: Path
    env: Mapping[str, str]
    #: Descriptors that the child inherits.
    pass_fds: Sequence[int] = ()
    #: A file that the child touches while it is well.
    heartbeat: Path | None = None
    heartbeat_seconds: float = 10.0
    #: Until the first beat, for the time that imports and migrations take.
    first_heartbeat_seconds: float = 20.0


@dataclass
class Heartbeat:
    """When a file was last touched, on the clock that no one sets.

    The age of the file's time would jump with the time of day, so what counts is when a change
    of it was seen.
    """

    command: Command
    _stamp: int | None = None
    _seen: float = 0.0
    _checked: float = 0.0
    _beaten: bool = False

    def restart(self, now: float) -> None:
        """A new process begins: forget the beats of its predecessor."""
        self._stamp, self._seen, self._checked, self._beaten = self._read(), now, now, False

    def is_overdue(self, now: float) -> bool:
        """Whether the process should have touched its file by now; says so once per missed beat."""
        # Who was stopped himself (a frozen machine, SIGSTOP) can't tell who else was late.
        if now - self._checked > self.command.heartbeat_seconds / 2:
            self._seen = now
        self._checked = now
        stamp = self._read()
        if stamp is not None and stamp != self._stamp:
            self._stamp, self._seen, self._beaten = stamp, now, True
        command = self.command
        limit = command.heartbeat_seconds if self._beaten else command.first_heartbeat_seconds
        if command.heartbeat is None or now - self._seen <= limit:
            return False
        self._seen = now
        return True

    def _read(self) -> int | None:
        if self.command.heartbeat is None:
            return None
        try:
            return self.command.heartbeat.stat().st_mtime_ns
        except OSError:
            return None


@dataclass
class Child:
    """One command's process, kept alive: at most one runs at a time."""

    command: Command
    process: subprocess.Popen[bytes] | None = None
    #: Monotonic time at which the next process may start.
    due: float = 0.0
    _delay: float = FIRST_DELAY_SECONDS
    _started: float = 0.0
    _heartbeat: Heartbeat = field(init=False)

    def __post_init__(self) -> None:
        self._heartbeat = Heartbeat(self.command)

    @property
    def is_running(self) -> bool:
        """Whether there is a process, ended and not yet noticed ones included."""
        return self.process is not None

    def start(self, now: float) -> None:
        """Start the process."""
        self._heartbeat.restart(now)
        self._started = now
        self.process = spawn(self.command)

    def collect(self, now: float) -> str | None:
        """If the process has ended: clear up after it and say how it ended; else None."""
        if self.process is None or not _has_ended(self.process.pid):
            return None
        outcome = _clear_up(self.process)
        self.process = None
        if now - self._started >= STEADY_SECONDS:
            self._delay = FIRST_DELAY_SECONDS
        delay = self._delay
        self.due, self._delay = now + delay, min(delay * 2, LAST_DELAY_SECONDS)
        return f"{self.command.name} {outcome}, starting it again in {delay:g} s"

    def hangs(self, now: float) -> bool:
        """Whether the running process has missed its heartbeat."""
        return self.process is not None and self._heartbeat.is_overdue(now)

    def ask_to_end(self) -> None:
        """SIGTERM to the process alone; it ends its own workers."""
        if self.process is not None:
            # Not Popen.terminate(): that may reap it, and its number must stay taken.
            os.kill(self.process.pid, signal.SIGTERM)

    def kill(self) -> None:
        """SIGKILL to the process and everything of its process group."""
        if self.process is not None:
            os.killpg(self.process.pid, signal.SIGKILL)


def spawn(command: Command) -> subprocess.Popen[bytes]:
    """Start a process in its own session, tied to ours by the parent-death signal."""
    parent = os.getpid()
    return subprocess.Popen(
        command.argv,
        cwd=command.cwd,
        env=dict(command.env),
        stdin=subprocess.DEVNULL,
        pass_fds=command.pass_fds,
        # Ctrl-C goes to the terminal's process group: only the supervisor shall get it.
        start_new_session=True,
        # Safe here: the supervisor has one thread.
        preexec_fn=lambda: _tie_to(parent),  # noqa: PLW1509
    )


def _tie_to(parent: int) -> None:
    """In the new process: end with the supervisor, and take the signals it blocks."""
    _libc.prctl(_PR_SET_PDEATHSIG, signal.SIGTERM)
    # The supervisor may have died before the line above.
    if os.getppid() != parent:
        os._exit(1)
    signal.pthread_sigmask(signal.SIG_SETMASK, ())


def _clear_up(process: subprocess.Popen[bytes]) -> str:
    """Kill what an ended process left in its group, reap it, and say how it ended."""
    # The unreaped leader keeps its number taken, so the group is certainly ours.
    os.killpg(process.pid, signal.SIGKILL)
    status = process.wait()
    _await_empty_group(process.pid)
    if status < 0:
        return f"was ended by {signal.Signals(-status).name}"
    return f"ended with status {status}"


def _has_ended(pid: int) -> bool:
    """Whether the child has ended; leaves it unreaped, so that its number stays taken."""
    return os.waitid(os.P_PID, pid, os.WEXITED | os.WNOHANG | os.WNOWAIT) is not None


def _await_empty_group(group: int) -> None:
    """Wait until the killed rest of a group is gone, so that it holds no socket or lock."""
    deadline = time.monotonic() + 2
    while time.monotonic() < deadline:
        try:
            os.killpg(group, 0)
        except ProcessLookupError:
            return
        time.sleep(0.01)
