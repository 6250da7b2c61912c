"""The selector loop: watched descriptors, timers, and nothing that knows what they are for."""

from __future__ import annotations

import heapq
import itertools
import select
import sys
import time
from collections.abc import Callable

READ = select.EPOLLIN
WRITE = select.EPOLLOUT

Callback = Callable[[], None]


class Timer:
    """A callback that is due once, unless it is cancelled before."""

    __slots__ = ("callback",)

    def __init__(self, callback: Callback) -> None:
        self.callback: Callback | None = callback

    def cancel(self) -> None:
        self.callback = None


class Loop:
    """The one loop of the process; it sleeps in epoll until a descriptor or a timer is due."""

    def __init__(self) -> None:
        self._epoll = select.epoll()
        self._callbacks: dict[int, Callback] = {}
        self._timers: list[tuple[float, int, Timer]] = []
        self._sequence = itertools.count()
        self._stopping = False

    def watch(self, fd: int, callback: Callback, events: int = READ) -> None:
        """Call `callback` whenever `fd` is ready; a second call replaces the first."""
        if fd in self._callbacks:
            self._epoll.modify(fd, events)
        else:
            self._epoll.register(fd, events)
        self._callbacks[fd] = callback

    def unwatch(self, fd: int) -> None:
        """Stop watching `fd`, if it is watched; must happen before it is closed."""
        if self._callbacks.pop(fd, None) is not None:
            self._epoll.unregister(fd)

    def call_later(self, seconds: float, callback: Callback) -> Timer:
        timer = Timer(callback)
        due = time.monotonic() + seconds
        heapq.heappush(self._timers, (due, next(self._sequence), timer))
        return timer

    def stop(self) -> None:
        self._stopping = True

    def run(self) -> None:
        while not self._stopping:
            for fd, _ in self._epoll.poll(self._wait_seconds()):
                # An earlier callback of the same turn may have unwatched this one.
                callback = self._callbacks.get(fd)
                if callback is not None:
                    self._call(callback)
            self._run_due_timers()

    def _wait_seconds(self) -> float | None:
        while self._timers and self._timers[0][2].callback is None:
            heapq.heappop(self._timers)
        if not self._timers:
            return None
        return max(0.0, self._timers[0][0] - time.monotonic())

    def _run_due_timers(self) -> None:
        now = time.monotonic()
        while self._timers and self._timers[0][0] <= now:
            timer = heapq.heappop(self._timers)[2]
            if timer.callback is not None:
                self._call(timer.callback)

    @staticmethod
    def _call(callback: Callback) -> None:
        """Call it so that its defect costs one event, not every running job."""
        try:
            callback()
        except Exception:  # noqa: BLE001 - the top of the loop; printed just below
            # The interpreter's own printer: the traceback module would cost a megabyte.
            sys.excepthook(*sys.exc_info())
