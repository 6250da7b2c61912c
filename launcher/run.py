"""One run of a job, from its started process to its exit record."""

from __future__ import annotations

import contextlib
import errno
import os
import signal
import time
from collections.abc import Callable

from launcher.collector import Collector
from launcher.connection import Frame
from launcher.loop import Loop, Timer
from launcher.order import Order
from launcher.pipes import RETRY_SECONDS, Drain, Pipes
from launcher.process import read_process
from launcher.run_files import RunFiles
from launcher.spawn import Child
from launcher.timelines import Timelines
from launcher.tree import ProcessTree

#: Growth of the output is announced at once, then at most this often.
ANNOUNCE_SECONDS = 0.02


class Run:
    """A started process, what it prints, and how it ends."""

    def __init__(
        self,
        order: Order,
        files: RunFiles,
        child: Child,
        *,
        loop: Loop,
        drain: Drain,
        publish: Callable[[Frame], None],
        on_end: Callable[[Run], None],
    ) -> None:
        self.launch, self.job, self.pid = order.launch, order.job, child.pid
        self.kill = order.kill
        self.secrets = order.secrets
        self.spawned = time.time()
        self.began = time.monotonic()
        #: Whether the leader is dead and collected.
        self.reaped = False
        #: Whether the end is decided; the exit record follows at once, or as soon as it can.
        #: How it ended, once it has.
        self.exit_record: dict[str, object] = {}
        self.ended = False
        # A dead leader is still there as a zombie: only the reaper takes it away.
        process = read_process(child.pid)
        self.start = process.start if process is not None else 0
        self.tree = ProcessTree(self.launch, self.pid, self.start, child.stdio, files.path)
        self.timelines = Timelines(files.path)
        self._files = files
        self._loop = loop
        self._publish = publish
        self._on_end = on_end
        self._wait_status = 0
        self._aborted = False
        self._held = False
        self._collector = Collector(
            files.path, shell=order.shell, annotate=order.annotate, secrets=order.secrets
        )
        self._announced_sizes = self._collector.sizes
        self._announced_at = 0.0
        self._announce_timer: Timer | None = None
        self._pipes = Pipes(
            loop,
            child.stdout,
            child.stderr,
            self._collector,
            drain=drain,
            on_change=self._changed,
        )

    def write_meta(self, boot: str) -> None:
        """Record which process this is, for whoever finds the directory without a launcher."""
        meta: dict[str, object] = {
            "job": self.job,
            "launch": self.launch,
            "pid": self.pid,
            "start": self.start,
            "boot": boot,
            "spawned": self.spawned,
        }
        with contextlib.suppress(OSError):
            self._files.write_meta(meta)

    def leader_exited(self, wait_status: int) -> None:
        """The reaper has collected the leader."""
        self.reaped = True
        self._wait_status = wait_status
        if not self.ended:
            self._pipes.drain()

    def mark_aborted(self, hold: bool) -> None:
        """The run is being aborted; if held, it ends only when `end_now` is called."""
        self._aborted = True
        self._held = hold
        self.note("Aborting job on server")

    def note(self, text: str) -> None:
        """Leave an entry for the job's activity."""
        if not self.ended:
            self._collector.note(text)
            self._pipes.hold_if_blocked()
            self._changed()

    def end_now(self) -> None:
        """End with the output that is there, whoever may still hold the pipes."""
        if not self.ended:
            self._pipes.drain()
        if not self.ended:
            self._pipes.abandon()
            self._end()

    def _changed(self) -> None:
        complete = self._pipes.closed and not self._collector.blocked
        if complete and self.reaped and not self._held and not self.ended:
            self._end()
        elif self._collector.sizes != self._announced_sizes and self._announce_timer is None:
            wait = self._announced_at + ANNOUNCE_SECONDS - time.monotonic()
            if wait <= 0:
                self._announce()
            else:
                self._announce_timer = self._loop.call_later(wait, self._announce)

    def _announce(self) -> None:
        self._announce_timer = None
        self._announced_at = time.monotonic()
        self._announced_sizes = log_bytes, position = self._collector.sizes
        self._publish(
            {
                "op": "output",
                "launch": self.launch,
                "job": self.job,
                "log": log_bytes,
                "messages": position,
            }
        )

    def _end(self) -> None:
        self.ended = True
        if self._announce_timer is not None:
            self._announce_timer.cancel()
        self._collector.close()
        log_bytes, position = self._collector.sizes
        record = exit_record(self.pid, log_bytes, position, aborted=self._aborted)
        if self.reaped:
            _add_status(record, self._wait_status)
        self._write_exit(record)

    def _write_exit(self, record: dict[str, object]) -> None:
        self.exit_record = record
        try:
            self._files.write_exit(record)
        except OSError as error:
            if error.errno in (errno.ENOSPC, errno.EDQUOT):
                # Its blocks are there; a file system that still refuses is asked again.
                self._loop.call_later(RETRY_SECONDS, lambda: self._write_exit(record))
                return
        self._on_end(self)


def exit_record(
    pid: int,
    log_bytes: int = 0,
    messages: list[int] | None = None,
    error: str | None = None,
    aborted: bool = False,
) -> dict[str, object]:
    """An exit record of a run that has no exit status."""
    return {
        "code": None,
        "signal": None,
        "error": error,
        "pid": pid,
        "at": time.time(),
        "log": log_bytes,
        "messages": messages or [0, 0],
        "aborted": aborted,
    }


def _add_status(record: dict[str, object], wait_status: int) -> None:
    code = os.waitstatus_to_exitcode(wait_status)
    if code >= 0:
        record["code"] = code
    else:
        record["signal"] = _signal_name(-code)


def _signal_name(number: int) -> str:
    try:
        return signal.Signals(number).name
    except ValueError:
        return f"SIG{number}"
