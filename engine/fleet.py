"""The runs that are under way: what launchers last said of each, and how they are taken up."""

import selectors
import time
from collections.abc import Callable, Collection
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

from core import blobs, json
from engine import finish, launch_frame, leftovers
from engine.connections import Connections
from engine.lease import LeadershipLost
from engine.starting import Launch
from engine.turn import Run, Turn
from models import live_jobs
from models.errand import Errand
from services.transitions import State

Frame = dict[str, Any]

#: Launches that may be on their way to a process at the same time.
_MOST_IN_FLIGHT = 64
_NEVER_STARTED = {"setup": "Aborted before the start."}


@dataclass(frozen=True)
class _Guest:
    """A process for a job beside its run; somebody else follows what becomes of it."""

    job: str
    hear: Callable[[Frame], None]


class Fleet:
    """All runs of the leading engine."""

    def __init__(self, instance: Path, selector: selectors.BaseSelector) -> None:
        self._instance = instance
        self._epoch = 0
        self._connections = Connections(instance, selector)
        self._runs: dict[str, Run] = {}
        self._in_flight: set[str] = set()
        #: Ends that no launcher recorded, by launch.
        self._failures: dict[str, Frame] = {}
        #: What launchers said of their runs when they were greeted, by launch.
        self._told: dict[str, Frame] = {}
        self._guests: dict[str, _Guest] = {}

    @property
    def is_broken(self) -> bool:
        """Whether launchers have to be greeted, and all runs taken up, before going on."""
        return self._connections.is_broken

    def connect(self, epoch: int) -> None:
        """Greet all launchers; runs whose end is being worked on are kept, all others dropped."""
        self._epoch = epoch
        self._in_flight.clear()
        self._runs = {key: run for key, run in self._runs.items() if run.closing}
        self._told = self._connections.connect(epoch)

    def disconnect(self) -> None:
        """Leave the launchers to the next leader."""
        self._connections.disconnect()
        guests, self._guests = self._guests, {}
        for guest in guests.values():
            guest.hear({"op": "interrupted"})
        self._connections.is_broken = True

    # Recovery

    def recover(self, turn: Turn, launch: Launch) -> None:
        """Take up every run that the database knows; what no launcher knows is settled."""
        rows = {row.launch: row for row in live_jobs.launched(turn.connection)}
        for row in rows.values():
            if row.launch not in self._runs and row.state != State.COMPLETE:
                self._take_up(turn, row, launch)
        others = Errand.known(turn.connection, self._told.keys() - rows.keys())
        turn.after.append(self._greet_guests)
        for launch_id, told in self._told.items():
            if launch_id in others:
                continue
            if launch_id not in rows:
                turn.after.append(lambda told=told: self._dismiss(told))  # type: ignore[misc]
            elif rows[launch_id].state == State.COMPLETE:
                # Its process is over; its folder goes with the end of its actions.
                turn.after.append(partial(self._connections.forget, launch_id))

    def _greet_guests(self) -> None:
        """Tell what became of guests while a launcher was lost."""
        for launch_id, guest in self._guests.items():
            told = self._told.get(launch_id)
            if told is None:
                guest.hear({"op": "unknown"})
            elif told["ended"]:
                guest.hear({"op": "exited", "exit": told["exit"]})

    def _take_up(self, turn: Turn, row: Any, launch: Launch) -> None:
        """Go on with one run, whatever became of it meanwhile."""
        run = Run(row.id, row.launch, row.segment, row.offset, row.log_size)
        folder = blobs.run_dir(self._instance, row.id, row.launch)
        job = json.loads(row.doc)
        is_aborting = bool(job.get("aborting"))
        told = self._told.get(row.launch)
        if told is not None:
            run.ended, run.exit_record = told["ended"], told.get("exit")
            _note_pid(run, told, row)
            if is_aborting:
                # What was recorded may not have reached the launcher.
                grace: float = turn.settings["ABORT_GRACE"]
                way = str(job.get("kill") or "parent")
                turn.after.append(lambda: self.send_abort(row.launch, way, grace))
        elif finish.read_exit(folder) is not None:
            run.ended = True
        elif (
            not folder.exists()
            and not is_aborting
            and (frame := launch_frame.again(turn, row)) is not None
        ):
            turn.after.append(lambda: launch(frame, row.id))
            return
        else:
            leftovers.kill(row.launch)
            self.fail(run, {"lost": True} if folder.exists() else _NEVER_STARTED)
        self._runs[row.launch] = run

    def _dismiss(self, told: Frame) -> None:
        """A launcher has a run that no live job belongs to: end it, or let it be forgotten."""
        if told["ended"]:
            self._connections.forget(told["launch"])
            blobs.delete_run(self._instance, told["job"], told["launch"])
        else:
            self.send_abort(told["launch"], "all", 0.0)

    # Runs

    def touched(self) -> list[Run]:
        """The runs of which something is new."""
        return [run for run in self._runs.values() if run.touched and not run.closing]

    def runs_of(self, jobs: Collection[str]) -> list[Run]:
        """The runs of these jobs, but for those whose end is being worked on."""
        if not jobs:
            return []
        return [run for run in self._runs.values() if run.job in jobs and not run.closing]

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

    def reopen(self, job_id: str) -> None:
        """Look again at the runs of a job that has been given up: nobody owns them now."""
        for run in self._runs.values():
            if run.job == job_id:
                run.closing, run.touched = False, True

    def exit_of(self, run: Run, folder: Path) -> Frame:
        """How an ended run ended."""
        record = self._failures.get(run.launch) or finish.read_exit(folder) or run.exit_record
        record = record or {"lost": True}
        run.log_size = record.get("log", run.log_size)
        return record

    def forget(self, run: Run) -> None:
        """Drop a run whose end is recorded."""
        self._runs.pop(run.launch, None)
        self._failures.pop(run.launch, None)
        self._in_flight.discard(run.launch)
        self._connections.forget(run.launch)

    # Commands

    def send_launch(self, run: Run, frame: Frame) -> None:
        """Have a run started."""
        self._connections.send_new(run.launch, frame)

    def send_abort(self, launch_id: str, kill: str, grace_seconds: float) -> None:
        """Have a run killed; one that its launcher does not know yet must not be launched."""
        run = self._runs.get(launch_id)
        if run is not None and not self._connections.knows(launch_id):
            run.cancelled = True
        frame = {"op": "abort", "kill": kill, "grace": grace_seconds}
        self._connections.send(launch_id, frame)

    # Guests

    def knows(self, launch_id: str) -> bool:
        """Whether a launcher was told of a launch."""
        return self._connections.knows(launch_id)

    def host(self, job_id: str, frame: Frame, hear: Callable[[Frame], None]) -> None:
        """Start a job's guest, or find it again, and tell `hear` what launchers say of it."""
        launch_id = frame["launch"]
        self._guests[launch_id] = _Guest(job_id, hear)
        send = self._connections.send if self.knows(launch_id) else self._connections.send_new
        send(launch_id, frame)

    def abort_guests(self, job_id: str, grace_seconds: float) -> None:
        """Kill the guests of a job."""
        for launch_id, guest in self._guests.items():
            if guest.job == job_id:
                guest.hear({"op": "aborted"})
                self.send_abort(launch_id, "all", grace_seconds)

    def dismiss(self, launch_id: str) -> None:
        """Forget a guest whose end is recorded, if it is one."""
        if self._guests.pop(launch_id, None) is not None:
            self._connections.forget(launch_id)

    # Events

    def receive(self) -> bool:
        """Take in what launchers said; true when more launches may be on their way again."""
        was_full = not self.room()
        for frame in self._connections.receive():
            self._heard(frame)
        return was_full and self.room() > 0

    def _heard(self, frame: Frame) -> None:
        """Note one event; nothing is written before the next turn."""
        operation, launch_id = frame["op"], frame.get("launch", "")
        if operation == "refused" and frame.get("epoch", 0) > self._epoch:
            raise LeadershipLost
        if launch_id in self._guests:
            self._guests[launch_id].hear(frame)
        elif operation == "sample":
            for name, sample in frame["runs"].items():
                self._touch(name, sample=sample)
        elif operation == "output":
            self._touch(launch_id, log_size=frame["log"])
        elif operation == "spawned":
            self._in_flight.discard(launch_id)
            self._touch(launch_id, spawned={"pid": frame["pid"], "at": frame["at"]})
        elif operation == "exited":
            self._in_flight.discard(launch_id)
            self._touch(launch_id, ended=True, exit_record=frame["exit"])
        else:
            self._settle(frame)

    def _touch(self, launch_id: str, **news: Any) -> None:
        run = self._runs.get(launch_id)
        if run is not None:
            run.touched = True
            for name, value in news.items():
                setattr(run, name, value)

    def _settle(self, frame: Frame) -> None:
        """A launcher would not do what we said."""
        run = self._runs.get(frame.get("launch", ""))
        if run is None:
            return
        if frame["op"] == "unknown":
            leftovers.kill(run.launch)
            self.fail(run, {"lost": True})
        elif frame.get("re") == "launch":
            self.fail(run, {"setup": f"Setup Error: {frame.get('error')}"})


def _note_pid(run: Run, told: Frame, row: Any) -> None:
    """Have the start of a process recorded that nobody was there to hear of."""
    if told.get("pid") and "pid" not in json.loads(row.doc):
        run.spawned = {"pid": told["pid"], "at": time.time()}
