"""What the processes of running jobs use, once a second, from one scan of /proc."""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Iterable

from launcher.connection import Frame
from launcher.details import TICKS_PER_SECOND, Describer
from launcher.loop import Loop
from launcher.process import Process
from launcher.run import Run
from launcher.tree import Snapshot

SAMPLE_SECONDS = 1.0

_PAGE_BYTES = os.sysconf("SC_PAGE_SIZE")
_CPUS = os.cpu_count() or 1


class Sampler:
    """Samples all runs while there are any; asleep otherwise."""

    def __init__(
        self, loop: Loop, live_runs: Callable[[], Iterable[Run]], publish: Callable[[Frame], None]
    ) -> None:
        self._loop = loop
        self._live_runs = live_runs
        self._publish = publish
        self._describer = Describer()
        self._ticking = False
        # Per launch: when its tree was last added up, and its ticks then.
        self._last: dict[str, tuple[float, int]] = {}

    def wake(self) -> None:
        """A run has begun."""
        if not self._ticking:
            self._ticking = True
            self._loop.call_later(SAMPLE_SECONDS, self._tick)

    def _tick(self) -> None:
        runs = list(self._live_runs())
        self._ticking = False
        if not runs:
            self._last.clear()
            return
        self.wake()
        now = time.monotonic()
        grown = [run for run in runs if now - run.began >= SAMPLE_SECONDS]
        if grown:
            self._sample(grown, now)

    def _sample(self, runs: list[Run], now: float) -> None:
        snapshot = Snapshot(thorough=False)
        self._describer.begin()
        last, self._last = self._last, {}
        samples: dict[str, object] = {}
        for run in runs:
            members = run.tree.members(snapshot)
            ticks = sum(process.total_ticks for process in members)
            since, ticks_then = last.get(run.launch, (run.began, 0))
            self._last[run.launch] = (now, ticks)
            # A member that was reaped elsewhere takes its ticks along.
            used_seconds = max(0, ticks - ticks_then) / TICKS_PER_SECOND
            samples[run.launch] = {
                "cpu": round(used_seconds / max(now - since, 0.01) / _CPUS * 100, 2),
                "mem": _rss_bytes(members),
                "procs": self._describer.describe(members),
            }
        self._publish({"op": "sample", "at": time.time(), "runs": samples})


def _rss_bytes(members: list[Process]) -> int:
    return sum(process.rss_pages for process in members) * _PAGE_BYTES
