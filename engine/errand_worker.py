"""Threads for errands: they may take long, and none of them holds up the loop or another one."""

import logging
import threading
from collections import defaultdict, deque
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from typing import Any

import sqlalchemy as sa
from flask import Flask

from core import clock, json
from engine.deliveries import Deliveries
from engine.performers import ERRANDS
from engine.turn import Claimed, Turn
from models.database import db
from models.errand import Errand as ErrandRow
from models.job import Job
from services import job_views
from services.errand import Errand, Interrupted, Outcome, Runner

logger = logging.getLogger(__name__)

#: Errands that are done at the same time, and those of them that go to one receiver.
_THREADS = 32
_AT_ONE_RECEIVER = 8
#: Pause before an errand is begun again that the database was in the way of, seconds.
_AGAIN_SECONDS = 1.0
_DEFECT = "An internal error kept this action from running; the engine's log says more."


@dataclass(frozen=True)
class Done:
    """An errand that was done, and what came of it; no outcome where there was nothing to do."""

    id: str
    outcome: Outcome | None
    #: When it was done, Unix seconds.
    at: float


#: Records what came of an errand, in a turn of the loop.
Record = Callable[[Turn, Done], None]


@dataclass
class _Line:
    """The errands to one receiver, a web hook for instance: one that hangs has only its own."""

    waiting: deque[Claimed] = field(default_factory=deque)
    busy: int = 0


class ErrandWorker:
    """Does errands in threads, and delivers their outcomes to the loop."""

    def __init__(self, app: Flask, deliveries: Deliveries, record: Record, run: Runner) -> None:
        self._app = app
        self._deliveries = deliveries
        self._record = record
        self._run = run
        self._lines: defaultdict[str, _Line] = defaultdict(_Line)
        #: The errands that wait or are being done, and those whose outcome is not recorded yet.
        self._known: set[str] = set()
        self._ready: deque[Claimed] = deque()
        #: Guards all of these; told when an errand is ready.
        self._changed = threading.Condition()
        self._threads = 0
        self._idle = 0

    def submit(self, errands: Iterable[Claimed]) -> None:
        """Have errands done; those that are on their way already are left alone."""
        with self._changed:
            for errand in errands:
                if errand.id not in self._known:
                    self._known.add(errand.id)
                    self._lines[errand.receiver].waiting.append(errand)
                    self._advance(errand.receiver)

    def drop(self) -> None:
        """Begin nothing more: another engine does what is left; it knows from the database."""
        with self._changed:
            waiting = [errand.id for line in self._lines.values() for errand in line.waiting]
            self._known.difference_update(waiting)
            for line in self._lines.values():
                line.waiting.clear()

    def forget(self, errand_id: str) -> None:
        """The errand's outcome is recorded."""
        with self._changed:
            self._known.discard(errand_id)

    def _advance(self, receiver: str) -> None:
        """Let the next errand to a receiver begin, if that has room."""
        line = self._lines[receiver]
        if line.waiting and line.busy < _AT_ONE_RECEIVER:
            line.busy += 1
            self._ready.append(line.waiting.popleft())
            self._changed.notify()
            if len(self._ready) > self._idle and self._threads < _THREADS:
                self._start_thread()
        elif not line.waiting and not line.busy:
            del self._lines[receiver]

    def _start_thread(self) -> None:
        self._threads += 1
        self._idle += 1
        # A daemon: a receiver that hangs must not keep the engine from ending.
        name = f"errands-{self._threads}"
        threading.Thread(target=self._work, name=name, daemon=True).start()

    def _work(self) -> None:
        """Do errands, one after the other."""
        with self._app.app_context():
            while True:
                with self._changed:
                    self._changed.wait_for(lambda: self._ready)
                    errand = self._ready.popleft()
                    self._idle -= 1
                self._do(errand)
                with self._changed:
                    self._idle += 1
                    self._lines[errand.receiver].busy -= 1
                    self._advance(errand.receiver)

    def _do(self, errand: Claimed) -> None:
        try:
            outcome = self._outcome(errand)
        except (sa.exc.OperationalError, sa.exc.TimeoutError):
            logger.exception("the database kept errand %s of job %s", errand.id, errand.job)
            self._do_later(errand)
            return
        except Interrupted:
            self._do_later(errand)
            return
        except Exception:
            logger.exception("errand %s of job %s failed", errand.id, errand.job)
            outcome = Outcome({"code": "internal", "description": _DEFECT})
        done = Done(errand.id, outcome, clock.now())

        def record(turn: Turn) -> None:
            self._record(turn, done)
            turn.after.append(lambda: self.forget(errand.id))

        self._deliveries.put((errand.job, record))

    def _do_later(self, errand: Claimed) -> None:
        self.forget(errand.id)
        timer = threading.Timer(_AGAIN_SECONDS, self.submit, ([errand],))
        timer.daemon = True
        timer.start()

    def _outcome(self, errand: Claimed) -> Outcome | None:
        """Do one errand; none when it is recorded already, or its job does not exist any more."""
        row, job = db.read(
            lambda connection: (ErrandRow.get(connection, errand.id), _job(connection, errand.job))
        )
        if row is None or job is None:
            return None
        action: dict[str, Any] = json.loads(row.doc) | {"type": row.type}
        given = Errand(row.id, row.condition, action, job, self._app.config, self._run)
        return ERRANDS[row.type](given)


def _job(connection: sa.Connection, job_id: str) -> dict[str, Any] | None:
    """The job that an errand is for; the scheduler's are for none."""
    if not job_id:
        return {"id": ""}
    row = Job.load(connection, job_id)
    if row is None:
        return None
    job = job_views.record_of(row) if row.final else job_views.live_details(row)
    job.pop("activity", None)
    return job
