"""The launcher's place among processes: subreaper, signals, and collecting dead children."""

from __future__ import annotations

import ctypes
import os
import signal
import socket
from collections.abc import Callable
from types import FrameType

from launcher.loop import Loop

_PR_SET_CHILD_SUBREAPER = 36
_STOP_SIGNALS = (signal.SIGTERM, signal.SIGINT, signal.SIGHUP)


def become_subreaper() -> None:
    """Make orphans of jobs children of this process instead of init's."""
    libc = ctypes.CDLL(None, use_errno=True)
    if libc.prctl(_PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0) != 0:
        raise OSError(ctypes.get_errno(), "cannot become a subreaper")


def inherit_nothing() -> None:
    """Undo signal settings of whoever started us, since jobs would inherit them."""
    signal.pthread_sigmask(signal.SIG_SETMASK, ())
    # Python ignores these two itself and restores them in children.
    kept = {signal.SIGPIPE, signal.SIGXFSZ}
    for number in signal.valid_signals() - kept:
        if signal.getsignal(number) is signal.SIG_IGN:
            signal.signal(number, signal.SIG_DFL)


class Reaper:
    """Turns SIGCHLD and stop signals into calls from the loop."""

    def __init__(
        self, loop: Loop, on_exit: Callable[[int, int], None], on_stop: Callable[[], None]
    ) -> None:
        self._on_exit = on_exit
        self._on_stop = on_stop
        self._wakeup, writer = socket.socketpair()
        self._writer = writer
        for end in (self._wakeup, writer):
            end.setblocking(False)
        signal.set_wakeup_fd(writer.fileno(), warn_on_full_buffer=False)
        self._stop_asked = False
        for number in (signal.SIGCHLD, *_STOP_SIGNALS):
            signal.signal(number, self._signalled)
        loop.watch(self._wakeup.fileno(), self._woken)

    def _signalled(self, number: int, _frame: FrameType | None) -> None:
        """The wakeup descriptor ends the sleep; a full one may have lost the number."""
        self._stop_asked = self._stop_asked or number in _STOP_SIGNALS

    def _woken(self) -> None:
        self._wakeup.recv(4096)
        # One signal may stand for many children, so all are collected every time.
        self._reap()
        if self._stop_asked:
            self._stop_asked = False
            self._on_stop()

    def _reap(self) -> None:
        while True:
            try:
                pid, status = os.waitpid(-1, os.WNOHANG)
            except ChildProcessError:
                return
            if pid == 0:
                return
            self._on_exit(pid, status)
