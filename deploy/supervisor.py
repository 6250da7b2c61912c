"""Keeps a few processes alive until a signal says stop."""

import contextlib
import signal
import time
from collections.abc import Callable, Sequence

from deploy.children import Child, Command

#: What ends the supervisor: a service manager, Ctrl-C, a closed terminal.
STOP_SIGNALS = frozenset({signal.SIGTERM, signal.SIGINT, signal.SIGHUP})
#: How long children may take to end before they are killed.
GRACE_SECONDS = 8.0
#: The longest pause between two looks at the children.
LOOK_SECONDS = 1.0
#: The pause while something is awaited.
BUSY_LOOK_SECONDS = 0.05


def say(line: str) -> None:
    """Print one line. A closed terminal is no reason to stop."""
    with contextlib.suppress(OSError):
        print(line, flush=True)


def block_signals() -> None:
    """From here on signals wait until `Supervisor` takes them; nothing is interrupted half-way."""
    signal.pthread_sigmask(signal.SIG_BLOCK, {*STOP_SIGNALS, signal.SIGCHLD})


def stop_arrives(seconds: float) -> bool:
    """Wait for a signal, at most `seconds`; returns whether it was one that says stop."""
    info = signal.sigtimedwait({*STOP_SIGNALS, signal.SIGCHLD}, seconds)
    if info is None or info.si_signo == signal.SIGCHLD:
        return False
    # Under nohup a closed terminal is no stop; blocked signals arrive though they are ignored.
    is_ignored = signal.getsignal(info.si_signo) is signal.SIG_IGN
    return not (info.si_signo == signal.SIGHUP and is_ignored)


class Supervisor:
    """The parent of some processes: starts, restarts and ends them.

    `is_ready` is called until it returns True; then `ready_line` is printed once. `on_stop` is
    called before the children are asked to end.
    """

    def __init__(
        self,
        commands: Sequence[Command],
        *,
        is_ready: Callable[[], bool],
        ready_line: str,
        on_stop: Callable[[], None],
    ) -> None:
        self._children = [Child(command) for command in commands]
        self._is_ready = is_ready
        self._ready_line = ready_line
        self._on_stop = on_stop
        self._announced = False

    def run(self) -> None:
        """Keep the children alive until one of the stop signals; then end them."""
        block_signals()
        told_to_stop = False
        try:
            while not told_to_stop:
                pause = min(self._tend(child) for child in self._children)
                told_to_stop = stop_arrives(self._pause_until_ready() or pause)
        finally:
            self._on_stop()
            self._stop()

    def _tend(self, child: Child) -> float:
        """Do what the child needs now; returns the seconds until it may need something again."""
        now = time.monotonic()
        if child.hangs(now):
            say(f"Switchyard: {child.command.name} has stopped responding, killing it")
            child.kill()
        if outcome := child.collect(now):
            say(f"Switchyard: {outcome}")
        if child.is_running:
            return LOOK_SECONDS
        if child.due > now:
            return min(child.due - now, LOOK_SECONDS)
        self._start(child, now)
        return LOOK_SECONDS

    def _start(self, child: Child, now: float) -> None:
        """Start the child; a machine out of processes or memory is a reason to try again."""
        try:
            child.start(now)
        except OSError as error:
            child.due = now + LOOK_SECONDS
            say(f"Switchyard: {child.command.name} can't be started: {error}")

    def _pause_until_ready(self) -> float | None:
        """Say once that all is ready; returns a short pause while that is still awaited."""
        if not self._announced and self._is_ready():
            self._announced = True
            say(self._ready_line)
        return None if self._announced else BUSY_LOOK_SECONDS

    def _stop(self) -> None:
        """Ask all children to end; kill those that have not ended after the grace."""
        for child in self._children:
            child.ask_to_end()
        deadline = time.monotonic() + GRACE_SECONDS
        while self._any_left() and time.monotonic() < deadline:
            signal.sigtimedwait({signal.SIGCHLD}, BUSY_LOOK_SECONDS)
        for child in self._children:
            child.kill()
        while self._any_left():
            signal.sigtimedwait({signal.SIGCHLD}, BUSY_LOOK_SECONDS)

    def _any_left(self) -> bool:
        """Collect who has ended; returns whether someone has not."""
        for child in self._children:
            child.collect(time.monotonic())
        return any(child.is_running for child in self._children)
