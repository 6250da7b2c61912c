"""The runs that are under way, and the launchers that they belong to."""

import logging
import selectors
import time
from pathlib import Path
from typing import Any

from core import blobs, json
from engine import finish, launchers, leftovers, starting
from engine.launchers import Launcher, LauncherGone
from engine.lease import LeadershipLost
from engine.starting import Launch
from engine.turn import Run, Turn
from models import live_jobs

logger = logging.getLogger(__name__)

Frame = dict[str, Any]

#: Launches that may be on their way to a process at the same time.
_MOST_IN_FLIGHT = 64
_HELLO_SECONDS = 5.0


class Fleet:
    """Connections to launchers, and what they last said of each run."""

    def __init__(self, instance: Path, selector: selectors.BaseSelector) -> None:
        self.is_broken = False
        self._instance = instance
        self._selector = selector
        self._epoch = 0
        self._launchers: dict[str, Launcher] = {}
        self._runs: dict[str, Run] = {}
        self._owners: dict[str, str] = {}
        self._in_flight: set[str] = set()
        #: Ends that no launcher recorded, by launch.
        self._failures: dict[str, Frame] = {}
        #: What launchers said of their runs when they were greeted: launch → ended.
        self._told: dict[str, Frame] = {}
        self._children: list[Any] = []

    # Connections

    def connect(self, epoch: int) -> None:
        """Greet all launchers that are there; start one where there is none."""
        self.disconnect()
        self._epoch = epoch
        deadline = time.monotonic() + _HELLO_SECONDS
        started = False
        while not self._launchers:
            for name in launchers.generations(self._instance):
                self._greet(name)
            if not self._launchers and not started:
                self._children.append(launchers.start(self._instance))
                started = True
            if time.monotonic() > deadline:
                raise LauncherGone("no launcher came up")
            if not self._launchers:
                time.sleep(0.02)
        self.is_broken = False
        self._children = [child for child in self._children if child.poll() is None]

    def disconnect(self) -> None:
        """Close all connections; runs that are being ended are kept."""
        for launcher in self._launchers.values():
            self._selector.unregister(launcher)
            launcher.close()
        self._launchers.clear()
        self._told.clear()
        self._in_flight.clear()
        self._runs = {key: run for key, run in self._runs.items() if run.closing}

    def _greet(self, name: str) -> None:
        """Connect to one launcher and learn which runs it has."""
        launcher = launchers.connect(self._instance, name)
        if launcher is None:
            return
        try:
            launcher.send({"op": "hello", "epoch": self._epoch})
            hello = _await_hello(launcher)
        except LauncherGone:
            launcher.close()
            return
        self._launchers[name] = launcher
        self._selector.register(launcher, selectors.EVENT_READ)
        for told in hello["runs"]:
            self._told[told["launch"]] = told
            self._owners[told["launch"]] = name

    def _newest(self) -> Launcher:
        return self._launchers[max(self._launchers)]

    # Recovery

    def recover(self, turn: Turn, launch: Launch) -> None:
        """Take up every run that the database knows; what no launcher knows is settled."""
        rows = {row.launch: row for row in live_jobs.launched(turn.connection)}
        for row in rows.values():
            if row.launch not in self._runs:
                self._take_up(turn, row, launch)
        for launch_id, told in self._told.items():
            if launch_id not in rows:
                turn.after.append(lambda told=told: self._dismiss(told))  # type: ignore[misc]

    def _take_up(self, turn: Turn, row: Any, launch: Launch) -> None:
        """Go on with one run, whatever became of it meanwhile."""
        run = Run(row.id, row.launch, row.segment, row.offset, row.log_size)
        folder = blobs.run_dir(self._instance, row.id, row.launch)
        told = self._told.get(row.launch)
        if told is not None:
            run.ended = told["ended"]
            self._note_pid(run, told, row)
            self._resend_abort(turn, row)
        elif finish.read_exit(folder) is not None:
            run.ended = True
        elif _is_aborting(row):
            leftovers.kill(row.launch)
            self.fail(run, {"setup": "Aborted before the start."})
        elif not folder.exists():
            frame = starting.launch_frame(turn, row)
            turn.after.append(lambda: launch(frame, row.id))
            return
        else:
            leftovers.kill(row.launch)
            self.fail(run, {"lost": True})
        self._runs[row.launch] = run

    @staticmethod
    def _note_pid(run: Run, told: Frame, row: Any) -> None:
        """Record the start of a process that nobody was there to hear of."""
        if told.get("pid") and "pid" not in json.loads(row.doc):
            run.spawned = {"pid": told["pid"], "at": time.time()}

    def _resend_abort(self, turn: Turn, row: Any) -> None:
        """An abort that was recorded may not have reached the launcher."""
        if _is_aborting(row):
            grace: float = turn.settings["ABORT_GRACE"]
            turn.after.append(lambda: self.send_abort(row.launch, "all", grace))

    def _dismiss(self, told: Frame) -> None:
        """A launcher has a run that no live job belongs to: end it, or let it be forgotten."""
        if told["ended"]:
            self._send(told["launch"], {"op": "forget"})
            blobs.delete_run(self._instance, told["job"], told["launch"])
        else:
            self.send_abort(told["launch"], "all", 0.0)

    # Runs

    def touched(self) -> list[Run]:
        """The runs of which something is new."""
        return [run for run in self._runs.values() if run.touched and not run.closing]

    def room(self) -> int:
        """How many more launches may be on their way."""
        return max(0, _MOST_IN_FLIGHT - len(self._in_flight))

    def add(self, run: Run) -> Run:
        """Watch a new run."""
        run.touched = False
        self._runs[run.launch] = run
        self._in_flight.add(run.launch)
        return run

    def fail(self, run: Run, record: Frame) -> None:
        """Let a run end with a record that no launcher wrote."""
        self._failures[run.launch] = record
        self._in_flight.discard(run.launch)
        run.ended = run.touched = True

    def exit_of(self, run: Run, folder: Path) -> Frame:
        """How an ended run ended."""
        record = self._failures.get(run.launch) or finish.read_exit(folder) or {"lost": True}
        run.log_size = record.get("log", run.log_size)
        return record

    def forget(self, run: Run) -> None:
        """Drop a run whose end is recorded."""
        self._runs.pop(run.launch, None)
        self._failures.pop(run.launch, None)
        self._in_flight.discard(run.launch)
        self._send(run.launch, {"op": "forget"})
        self._owners.pop(run.launch, None)

    # Commands

    def send_launch(self, run: Run, frame: Frame) -> None:
        """Send a launch to the newest launcher."""
        if not self._launchers:
            self.is_broken = True
            return
        launcher = self._newest()
        self._owners[run.launch] = launcher.name
        self._send(run.launch, frame)

    def send_abort(self, launch_id: str, kill: str, grace_seconds: float) -> None:
        """Have a run killed; one that its launcher does not know yet must not be launched."""
        run = self._runs.get(launch_id)
        if run is not None and launch_id not in self._owners:
            run.cancelled = True
        self._send(launch_id, {"op": "abort", "kill": kill, "grace": grace_seconds})

    def _send(self, launch_id: str, frame: Frame) -> None:
        """Send a command to the launcher of a run; when it is gone, recovery settles the rest."""
        launcher = self._launchers.get(self._owners.get(launch_id, ""))
        if launcher is None:
            return
        try:
            launcher.send({"launch": launch_id, **frame, "epoch": self._epoch})
        except LauncherGone as error:
            self._lost(launcher, error)
        self._watch_writes(launcher)

    def _watch_writes(self, launcher: Launcher) -> None:
        """Have the selector tell when a launcher that was busy can take more."""
        if launcher.name in self._launchers:
            write = selectors.EVENT_WRITE if launcher.wants_to_send else 0
            self._selector.modify(launcher, selectors.EVENT_READ | write)

    # Events

    def receive(self) -> bool:
        """Take in what launchers said; true when places may have become free."""
        stirred = False
        for launcher in list(self._launchers.values()):
            try:
                if launcher.wants_to_send:
                    launcher.flush()
                    self._watch_writes(launcher)
                for frame in launcher.receive():
                    stirred = self._heard(frame) or stirred
            except LauncherGone as error:
                self._lost(launcher, error)
        return stirred

    def _lost(self, launcher: Launcher, error: LauncherGone) -> None:
        logger.warning("%s", error)
        if self._launchers.pop(launcher.name, None) is not None:
            self._selector.unregister(launcher)
            launcher.close()
        self.is_broken = True

    def _heard(self, frame: Frame) -> bool:
        """Note one event; nothing is written before the next turn."""
        operation = frame["op"]
        if operation == "sample":
            for launch_id, sample in frame["runs"].items():
                self._touch(launch_id, sample=sample)
        elif operation == "output":
            self._touch(frame["launch"], log_size=frame["log"])
        elif operation == "spawned":
            spawned = {"pid": frame["pid"], "at": frame["at"]}
            self._touch(frame["launch"], spawned=spawned)
            return self._arrived(frame["launch"])
        elif operation == "exited":
            self._touch(frame["launch"], ended=True)
            return self._arrived(frame["launch"])
        elif operation in ("unknown", "refused"):
            self._settle(frame)
        return False

    def _touch(self, launch_id: str, **news: Any) -> None:
        run = self._runs.get(launch_id)
        if run is not None:
            run.touched = True
            for name, value in news.items():
                setattr(run, name, value)

    def _arrived(self, launch_id: str) -> bool:
        """A launch is not on its way any more."""
        was_full = not self.room()
        self._in_flight.discard(launch_id)
        return was_full

    def _settle(self, frame: Frame) -> None:
        """A launcher would not do what we said."""
        if frame["op"] == "refused" and frame.get("epoch", 0) > self._epoch:
            raise LeadershipLost
        run = self._runs.get(frame.get("launch", ""))
        if run is None:
            return
        if frame["op"] == "unknown":
            leftovers.kill(run.launch)
            self.fail(run, {"lost": True})
        elif frame.get("re") == "launch":
            self.fail(run, {"setup": f"Setup Error: {frame.get('error')}"})


def _is_aborting(row: Any) -> bool:
    """Whether the job's process was to be killed."""
    return bool(json.loads(row.doc).get("aborting"))


def _await_hello(launcher: Launcher) -> Frame:
    """The launcher's answer to our greeting; events before it belong to nobody."""
    deadline = time.monotonic() + _HELLO_SECONDS
    while time.monotonic() < deadline:
        for frame in launcher.receive():
            if frame["op"] == "hello":
                return frame
            if frame["op"] == "refused":
                raise LeadershipLost
        time.sleep(0.002)
    raise LauncherGone(f"launcher {launcher.name} does not answer")
