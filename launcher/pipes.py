"""The reading ends of a job's stdout and stderr."""

from __future__ import annotations

import os
from collections.abc import Callable

from launcher.collector import Collector
from launcher.loop import Loop, Timer

#: Bytes per read: what an ordinary pipe holds. One read per turn keeps a fast writer fair.
READ_BYTES = 64 * 1024
#: stderr waits this long, so that stdout printed at the same instant comes first.
STDERR_DELAY_SECONDS = 0.05
#: A full disk is tried again after this long.
RETRY_SECONDS = 0.5
#: Reads per stream when the leader has died; only a grandchild could fill more.
MAX_DRAIN_READS = 16


class Drain:
    """Pipes of runs that are over: read to nowhere, so that a process left alive can write on."""

    def __init__(self, loop: Loop, on_empty: Callable[[], None]) -> None:
        self._loop = loop
        self._on_empty = on_empty
        self._fds: set[int] = set()

    @property
    def empty(self) -> bool:
        return not self._fds

    def take(self, fd: int) -> None:
        self._fds.add(fd)
        self._loop.watch(fd, lambda: self._discard(fd))

    def _discard(self, fd: int) -> None:
        if _read(fd) != b"":
            return
        self._loop.unwatch(fd)
        os.close(fd)
        self._fds.remove(fd)
        if self.empty:
            self._on_empty()


class Pipes:
    """Reads both streams of one job into its collector, no faster than the disk takes it."""

    def __init__(
        self,
        loop: Loop,
        stdout: int,
        stderr: int,
        collector: Collector,
        *,
        drain: Drain,
        on_change: Callable[[], None],
    ) -> None:
        self._loop = loop
        self._drain = drain
        self._collector = collector
        self._on_change = on_change
        self._stdout = stdout
        self._stderr = stderr
        self._stderr_timer: Timer | None = None
        self._retry_timer: Timer | None = None
        self._stderr_delay = STDERR_DELAY_SECONDS
        self._watch()

    @property
    def closed(self) -> bool:
        """Whether both streams have ended."""
        return self._stdout < 0 and self._stderr < 0

    def drain(self) -> None:
        """Read at once what is there, stdout first."""
        self._stop_stderr_timer()
        for read in (self._read_stdout, self._read_stderr):
            reads = 0
            while reads < MAX_DRAIN_READS and not self._collector.blocked and read():
                reads += 1
        self._continue()

    def abandon(self) -> None:
        """Stop collecting; whoever still writes is read to nowhere and gets no SIGPIPE."""
        self._stop_watching()
        if self._retry_timer is not None:
            self._retry_timer.cancel()
        if self._stdout >= 0:
            self._collector.end_of_stdout()
        if self._stderr >= 0:
            self._collector.end_of_stderr()
        for fd in (self._stdout, self._stderr):
            if fd >= 0:
                self._loop.unwatch(fd)
                self._drain.take(fd)
        self._stdout = self._stderr = -1

    def hold_if_blocked(self) -> None:
        """After the collector took something: stop reading while the disk refuses it."""
        if self._collector.blocked and self._retry_timer is None:
            self._stop_watching()
            self._retry_timer = self._loop.call_later(RETRY_SECONDS, self._retry)

    def _continue(self) -> None:
        self.hold_if_blocked()
        if self._retry_timer is None:
            self._watch()
        self._on_change()

    def _retry(self) -> None:
        self._retry_timer = None
        self._collector.flush()
        self._continue()

    def _watch(self) -> None:
        if self._stdout >= 0:
            self._loop.watch(self._stdout, self._stdout_ready)
        if self._stderr >= 0 and self._stderr_timer is None:
            self._loop.watch(self._stderr, self._stderr_ready)

    def _stop_watching(self) -> None:
        self._stop_stderr_timer()
        for fd in (self._stdout, self._stderr):
            self._loop.unwatch(fd)

    def _stop_stderr_timer(self) -> None:
        if self._stderr_timer is not None:
            self._stderr_timer.cancel()
            self._stderr_timer = None

    def _stdout_ready(self) -> None:
        self._read_stdout()
        self._continue()

    def _stderr_ready(self) -> None:
        self._loop.unwatch(self._stderr)
        self._stderr_timer = self._loop.call_later(self._stderr_delay, self._stderr_due)

    def _stderr_due(self) -> None:
        self._stderr_timer = None
        self._read_stdout()
        if not self._collector.blocked:
            self._read_stderr()
        self._continue()

    def _read_stdout(self) -> bool:
        """Read once; say whether there may be more."""
        if self._stdout < 0:
            return False
        chunk = _read(self._stdout)
        if chunk:
            self._collector.stdout(chunk)
        elif chunk is not None:
            self._stdout = self._close(self._stdout)
            self._collector.end_of_stdout()
        return bool(chunk)

    def _read_stderr(self) -> bool:
        if self._stderr < 0:
            return False
        chunk = _read(self._stderr)
        if chunk:
            self._collector.stderr(chunk)
        elif chunk is not None:
            self._stderr = self._close(self._stderr)
            self._collector.end_of_stderr()
        # A job that filled its pipe meanwhile is being held up: no delay for it.
        crowded = chunk is not None and len(chunk) > READ_BYTES // 2
        self._stderr_delay = 0 if crowded else STDERR_DELAY_SECONDS
        return bool(chunk)

    def _close(self, fd: int) -> int:
        self._loop.unwatch(fd)
        os.close(fd)
        return -1


def _read(fd: int) -> bytes | None:
    """Some bytes, none at the end of the stream, None when there is nothing just now."""
    try:
        return os.read(fd, READ_BYTES)
    except BlockingIOError:
        return None
