"""Ending runs by force: SIGTERM, a grace, then SIGKILL until nothing is left."""

from __future__ import annotations

import os
import signal
import time
from enum import Enum, auto

from launcher.loop import Loop, Timer
from launcher.process import Process, read_process, send_signal
from launcher.run import Run
from launcher.tree import Snapshot

#: How often the processes of aborted runs are looked up again.
PASS_SECONDS = 0.1
#: The same, when something has just changed.
HURRIED_PASS_SECONDS = 0.01

Target = tuple[int, int]


class Progress(Enum):
    """How far an abort is after a step."""

    WAITING = auto()
    #: Processes turned up that had to be killed: more may follow.
    KILLING = auto()
    DONE = auto()


class Abort:
    """The forced end of one run, advanced step by step."""

    def __init__(self, run: Run, whole_tree: bool, grace_seconds: float) -> None:
        self.run = run
        self.whole_tree = whole_tree
        self._grace_seconds = grace_seconds
        self._deadline: float | None = None
        self._terminated: set[Target] = set()
        self._killed: set[Target] = set()
        self._untouchable: set[Target] = set()

    def step(self, snapshot: Snapshot | None) -> Progress:
        """Do what is due now. A snapshot is needed when it is about the whole tree."""
        if self.run.ended:
            return Progress.DONE
        members = self._members(snapshot)
        targets = [_target(process) for process in members]
        targets = [target for target in targets if target not in self._untouchable]
        if self.run.reaped and not targets:
            if self.whole_tree:
                self.run.end_now()
            return Progress.DONE
        if self._deadline is None:
            self._deadline = time.monotonic() + self._grace_seconds
            self._announce_termination(targets)
            self._terminate(targets)
        elif time.monotonic() >= self._deadline:
            return Progress.KILLING if self._kill(targets) else Progress.WAITING
        else:
            self._terminate([_target(process) for process in members if _is_orphan(process)])
        return Progress.WAITING

    def _members(self, snapshot: Snapshot | None) -> list[Process]:
        """The live processes that are to end, parents first."""
        if snapshot is None or not self.whole_tree:
            leader = None if self.run.reaped else read_process(self.run.pid)
            return [leader] if leader is not None else []
        return [process for process in self.run.tree.members(snapshot) if process.alive]

    def _announce_termination(self, targets: list[Target]) -> None:
        if targets:
            kind = "all job processes" if self.whole_tree else "job process"
            self.run.note(f"Killing {kind}: {_numbers(targets)}")

    def _terminate(self, targets: list[Target]) -> None:
        """Ask each process once.

        What is forked later is the parents' business, for a signal handler may need it to clean
        up; unless the parents are gone.
        """
        for target in targets:
            if target not in self._terminated:
                self._terminated.add(target)
                send_signal(*target, signal.SIGTERM)

    def _kill(self, targets: list[Target]) -> bool:
        """Kill what is left; say whether some of it is new."""
        fresh = not self._killed.issuperset(targets)
        if targets and not self._killed:
            kind = "Children" if self.whole_tree else "Child"
            self.run.note(f"{kind} did not exit, killing harder: {_numbers(targets)}")
        self._killed.update(targets)
        refused = [target for target in targets if not send_signal(*target, signal.SIGKILL)]
        if refused:
            # Another user's process, and we are not root: waiting for it could take for ever.
            self.run.note(f"No permission to kill: {_numbers(refused)}")
            self._untouchable.update(refused)
        return fresh


class Killer:
    """All aborts in progress; one scan of /proc serves them all."""

    def __init__(self, loop: Loop) -> None:
        self._loop = loop
        self._aborts: dict[str, Abort] = {}
        self._timer: Timer | None = None

    def abort(self, run: Run, kill: str, grace_seconds: float) -> None:
        """Begin to end a run; a second call for the same run changes nothing."""
        if run.ended or run.launch in self._aborts:
            return
        run.mark_aborted(hold=kill == "all")
        if kill == "none":
            run.end_now()
            return
        self._aborts[run.launch] = Abort(run, kill == "all", grace_seconds)
        self._schedule(0)

    def hurry(self) -> None:
        """A process has died: see soon whether it was the last one."""
        if self._aborts:
            self._schedule(HURRIED_PASS_SECONDS)

    def _schedule(self, seconds: float) -> None:
        if self._timer is not None:
            self._timer.cancel()
        self._timer = self._loop.call_later(seconds, self._pass)

    def _pass(self) -> None:
        self._timer = None
        aborts = list(self._aborts.values())
        snapshot = Snapshot(thorough=True) if any(one.whole_tree for one in aborts) else None
        hurry = False
        for abort in aborts:
            progress = abort.step(snapshot)
            hurry = hurry or progress is Progress.KILLING
            if progress is Progress.DONE:
                del self._aborts[abort.run.launch]
        if self._aborts:
            self._schedule(HURRIED_PASS_SECONDS if hurry else PASS_SECONDS)


def _target(process: Process) -> Target:
    return process.pid, process.start


def _is_orphan(process: Process) -> bool:
    """Whether its parent has died, so that it has become the launcher's."""
    return process.parent == os.getpid()


def _numbers(targets: list[Target]) -> str:
    return ", ".join(str(pid) for pid, _ in targets)
