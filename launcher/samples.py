"""What the processes of running jobs use, once a second, from one scan of /proc."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable

from launcher.connection import Frame
from launcher.details import CPUS, PAGE_BYTES, TICKS_PER_SECOND, Describer
from launcher.loop import Loop
from launcher.process import Process
from launcher.run import Run
from launcher.traffic import Traffic
from launcher.tree import Snapshot

SAMPLE_SECONDS = 1.0
#: A sample that takes longer is followed by a pause of so many times its duration.
_PAUSE = 20.0


class Meter:
    """What was added up of one run by its last sample."""

    __slots__ = ("at", "disk_bytes", "disk_seen", "net_bytes", "ticks")

    def __init__(self, began: float) -> None:
        self.at = began
        self.ticks = 0
        #: What its processes had read and written when they were last looked at.
        self.disk_seen = 0
        self.disk_bytes = 0
        self.net_bytes = 0

    def cpu_percent(self, members: list[Process], now: float) -> float:
        """Percent of the whole machine that the run used since the last call."""
        ticks = sum(process.total_ticks for process in members)
        # A member that was reaped elsewhere takes its ticks along.
        used_seconds = max(0, ticks - self.ticks) / TICKS_PER_SECOND
        elapsed_seconds = max(now - self.at, 0.01)
        self.ticks, self.at = ticks, now
        return round(used_seconds / elapsed_seconds / CPUS * 100, 2)

    def add_traffic(self, disk_seen: int, net_bytes: int) -> dict[str, int]:
        """Add what was read and written since the last call; returns the run's totals."""
        # One that was reaped elsewhere takes its bytes along, too.
        self.disk_bytes += max(0, disk_seen - self.disk_seen)
        self.disk_seen = disk_seen
        self.net_bytes += net_bytes
        return {"disk": self.disk_bytes, "net": self.net_bytes}


class Sampler:
    """Samples all runs while there are any; asleep otherwise."""

    def __init__(
        self, loop: Loop, live_runs: Callable[[], Iterable[Run]], publish: Callable[[Frame], None]
    ) -> None:
        self._loop = loop
        self._live_runs = live_runs
        self._publish = publish
        self._ticking = False
        self._forget()

    def wake(self) -> None:
        """A run has begun."""
        if not self._ticking:
            self._ticking = True
            self._loop.call_later(SAMPLE_SECONDS, self._tick)

    def _forget(self) -> None:
        self._meters: dict[str, Meter] = {}
        self._traffic = Traffic()
        self._describer = Describer(self._traffic)

    def _tick(self) -> None:
        runs = list(self._live_runs())
        if not runs:
            self._ticking = False
            self._forget()
            return
        now = time.monotonic()
        try:
            grown = [run for run in runs if now - run.began >= SAMPLE_SECONDS]
            if grown:
                self._sample(grown, now)
        finally:
            took = time.monotonic() - now
            self._loop.call_later(max(SAMPLE_SECONDS - took, took * _PAUSE), self._tick)

    def _sample(self, runs: list[Run], now: float) -> None:
        known = {pid: start for run in runs for pid, start in run.tree.seen.items()}
        snapshot = Snapshot(thorough=False, known=known)
        members = {run: run.tree.members(snapshot) for run in runs}
        self._traffic.look(process for own in members.values() for process in own)
        self._describer.begin(len(runs))
        meters, self._meters = self._meters, {}
        at = time.time()
        samples: dict[str, object] = {}
        for run, own in members.items():
            meter = self._meters[run.launch] = meters.get(run.launch) or Meter(run.began)
            samples[run.launch] = self._sample_of(run, own, meter, now, at)
        self._publish({"op": "sample", "at": at, "runs": samples})

    def _sample_of(
        self, run: Run, members: list[Process], meter: Meter, now: float, at: float
    ) -> Frame:
        """The sample of one run, which is also kept in its directory."""
        disk_seen = self._describer.measure(members)
        totals = meter.add_traffic(disk_seen, self._traffic.moved_bytes(members))
        procs = self._describer.describe(members, run.secrets)
        conns = self._traffic.connections_of(members)
        run.timelines.add(at, procs, conns, totals)
        return {
            "cpu": meter.cpu_percent(members, now),
            "mem": sum(process.rss_pages for process in members) * PAGE_BYTES,
            "procs": procs,
            "conns": conns,
        }
