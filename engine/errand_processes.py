"""Processes that errands need: started by the loop for the errands' threads, which wait for them.

The launch of such a process has the id of its errand, and launchers start a launch once: so when
an engine dies meanwhile, the next one finds the process again, or what it left. Its folder is not
among those of the job, which come and go meanwhile.
"""

import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from queue import Empty, SimpleQueue
from typing import Any

from core import blobs, json, masking
from core.formats import duration_text
from engine import finish, leftovers
from engine.deliveries import Deliveries
from engine.fleet import Fleet, Frame
from engine.turn import Turn
from models.errand import Errand as ErrandRow
from models.job import Job
from services.errand import Errand, Interrupted, Process, Ran
from services.transitions import State

#: How often a process is started whose launcher dies: it may be what kills it.
_MOST_STARTS = 2
#: What is read of its output, and of its messages: their ends, bytes.
_OUTPUT_BYTES = 32 * 1024
_MESSAGES_BYTES = 1024 * 1024
_LOST = "The plugin's process was lost: its launcher ended unexpectedly."
_ABORTED = "Plugin was aborted together with its job."


@dataclass
class _Watch:
    """A process as its thread follows it."""

    seconds: float
    #: What the loop hears of it.
    news: SimpleQueue[Frame] = field(default_factory=SimpleQueue)
    #: Why it does not come to an end of its own.
    failure: str | None = None
    _deadline: float | None = None

    def next(self) -> Frame:
        """What comes next; an event `late` when the time is over."""
        rest = None if self._deadline is None else max(0.0, self._deadline - time.time())
        try:
            told = self.news.get(timeout=rest)
        except Empty:
            self._deadline = None
            self.failure = f"Plugin took longer than {duration_text(self.seconds)}."
            return {"op": "late"}
        if told["op"] == "spawned" and self.failure is None:
            # It may have begun under another engine.
            self._deadline = min(told["at"], time.time()) + self.seconds
        elif told["op"] == "aborted":
            self._deadline, self.failure = None, _ABORTED
        return told


class ErrandProcesses:
    """Runs processes for errands, each once."""

    def __init__(self, instance: Path, fleet: Fleet, deliveries: Deliveries, grace: float) -> None:
        self._instance = instance
        self._fleet = fleet
        self._deliveries = deliveries
        self._grace_seconds = grace

    def run(self, errand: Errand, process: Process) -> Ran:
        """Run a process to its end or its deadline; in a thread. Raises `Interrupted`."""
        folder = blobs.run_dir(self._instance, errand.id, errand.id)
        for _ in range(_MOST_STARTS):
            watch = _Watch(process.seconds)
            record = self._await_end(errand, process, watch) or finish.read_exit(folder)
            if record is not None:
                return _ran(folder, record, watch.failure)
            # Nobody knows how far it came: nothing may be left of it when it begins anew.
            leftovers.kill(errand.id)
            blobs.delete_run(self._instance, errand.id, errand.id)
            if watch.failure:
                return Ran(failure=watch.failure)
        return Ran(failure=_LOST)

    def _await_end(self, errand: Errand, process: Process, watch: _Watch) -> Frame | None:
        """Have a process started, unless it was before; its exit record, if a launcher has it."""
        job_id = str(errand.job["id"])
        start = partial(self._start, errand, job_id, process, watch.news)
        self._deliveries.put((job_id, start))
        while True:
            told = watch.next()
            match told["op"]:
                case "late":
                    self._deliveries.put((job_id, partial(self._kill, errand.id)))
                case "exited":
                    record: Frame = told["exit"]
                    return record
                case "refused":
                    return {"error": told.get("error")}
                case "unknown":
                    return None
                case "interrupted":
                    raise Interrupted

    def _start(
        self, errand: Errand, job_id: str, process: Process, news: SimpleQueue[Frame], turn: Turn
    ) -> None:
        """Send a launch, unless the errand is over; one for a start that was aborted is killed."""
        row = Job.load(turn.connection, job_id, "state") if job_id else None
        is_gone = row is None and job_id != ""
        if is_gone or ErrandRow.get(turn.connection, errand.id) is None:
            turn.after.append(lambda: news.put({"op": "interrupted"}))
            return
        is_aborted = row is not None and errand.condition == "start" and row.state == State.COMPLETE

        def send() -> None:
            if not is_aborted or self._fleet.knows(errand.id):
                self._fleet.host(job_id, _launch_frame(errand.id, process), news.put)
            else:
                news.put({"op": "aborted"})
                news.put({"op": "unknown"})
            if is_aborted:
                self._fleet.abort_guests(job_id, self._grace_seconds)

        turn.after.append(send)

    def _kill(self, launch_id: str, turn: Turn) -> None:
        kill = partial(self._fleet.send_abort, launch_id, "all", self._grace_seconds)
        turn.after.append(kill)


def _launch_frame(errand_id: str, process: Process) -> Frame:
    return {
        "op": "launch",
        "launch": errand_id,
        "job": errand_id,
        "argv": process.argv,
        "script": process.script,
        "shell": False,
        "annotate": False,
        "cwd": process.cwd or None,
        "env": dict(process.environment),
        "stdin": process.stdin,
        "secrets": masking.forms(process.secrets),
        "uid": process.user,
        "gid": process.group,
        "kill": "all",
    }


def _ran(folder: Path, record: Frame, failure: str | None) -> Ran:
    """How a process ended, and what it said."""
    if record.get("error"):
        failure = f"Plugin could not be started: {record['error']}"
    return Ran(
        ended=record.get("signal") or record.get("code") or 0,
        failure=failure,
        message=next(_messages(folder), {}),
        output=blobs.tail(folder / "log", _OUTPUT_BYTES),
        errors=blobs.tail(folder / "stderr", _OUTPUT_BYTES),
    )


def _messages(folder: Path) -> Iterator[dict[str, Any]]:
    """What a process reported, the last first; messages that can't be parsed are left out."""
    segments = sorted(folder.glob("messages.*"), key=lambda path: int(path.suffix[1:]))
    for segment in reversed(segments):
        for line in reversed(blobs.tail(segment, _MESSAGES_BYTES).split("\n")):
            try:
                message = json.loads(line[2:]) if line.startswith("M ") else None
            except json.JSONError:
                continue
            if isinstance(message, dict):
                yield message
