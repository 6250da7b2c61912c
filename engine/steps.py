"""The steps of one transaction: each in a savepoint, so that one job's defect stops no other."""

import logging
import time
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import sqlalchemy as sa

from core import blobs, timelines
from core.config import Settings
from engine import ending, finish, outputs, phases, watch
from engine.deliveries import Deliveries, Delivery
from engine.errand_worker import Done
from engine.file_worker import FileWorker
from engine.finish import Kept
from engine.fleet import Fleet
from engine.queue import HeadDefect, Queue, Todo
from engine.records import Batch
from engine.turn import Run, Turn

logger = logging.getLogger(__name__)

Document = dict[str, Any]

#: After so many failed steps a job is ended.
_MOST_DEFECTS = 3
#: Pause before a run is tried again after a failed step, seconds.
_AGAIN_SECONDS = 1.0


@dataclass
class News:
    """What one run wrote since the last turn, and how it ended, if it has."""

    run: Run
    batch: Batch
    exit_record: Document | None


class Steps:
    """What the engine does inside its transactions."""

    def __init__(
        self,
        settings: Settings,
        fleet: Fleet,
        queue: Queue,
        files: FileWorker,
        deliveries: Deliveries,
    ) -> None:
        self._settings = settings
        self._instance: Path = settings["INSTANCE_PATH"]
        self._fleet = fleet
        self._queue = queue
        self._files = files
        self._deliveries = deliveries
        #: How often steps failed in a row, by job.
        self._defects: Counter[str] = Counter()

    def take(
        self, turn: Turn, news: Sequence[News], delivered: Sequence[Delivery], todo: Todo | None
    ) -> None:
        """Do all that is to be done."""
        for item in news:
            self._take_news(turn, item)
        for job_id, call in delivered:
            if not self._isolated(turn, job_id, call):
                self._deliveries.put_later((job_id, call))
        if todo is not None:
            room = self._fleet.room()
            for job_id, step in self._queue.steps(todo, room, self.launch, self._kill):
                self._isolated(turn, job_id, step)

    def _take_news(self, turn: Turn, news: News) -> None:
        run = news.run
        if not self._isolated(turn, run.job, lambda turn: self._advance(turn, news)):
            run.touched, run.retry_at = True, time.monotonic() + _AGAIN_SECONDS

    def _isolated(self, turn: Turn, job_id: str, step: Callable[[Turn], None]) -> bool:
        """Run one step in a savepoint; false when it failed."""
        try:
            with turn.step():
                step(turn)
        except sa.exc.OperationalError:
            raise
        except Exception as error:
            blamed = error.job_id if isinstance(error, HeadDefect) else job_id
            logger.exception("a step of the engine failed for job %s", blamed)
            self._blame(turn, blamed)
            return False
        self._defects.pop(job_id, None)
        return True

    def _blame(self, turn: Turn, job_id: str) -> None:
        """Count a job's failed steps in a row; too many end it: nothing may hang."""
        self._defects[job_id] += 1
        if self._defects[job_id] < _MOST_DEFECTS:
            return
        del self._defects[job_id]
        try:
            with turn.step():
                ending.give_up(turn, job_id)
        except sa.exc.OperationalError:
            raise
        except Exception:
            logger.exception("giving up job %s failed", job_id)
        else:
            turn.after.append(lambda: self._fleet.reopen(job_id))

    def _advance(self, turn: Turn, news: News) -> None:
        """Apply what a run told; where it has ended, end its job."""
        run = news.run
        if run.closing:
            return
        applied = watch.apply(turn, run, news.batch)
        if applied is watch.Applied.GONE:
            turn.after.append(lambda: self._drop(run))
        elif applied is watch.Applied.OUT_OF_STEP or news.batch.more:
            run.touched, run.paid_until = True, 0.0
        elif news.exit_record is not None:
            self._end(turn, run, news.exit_record)

    def _end(self, turn: Turn, run: Run, exit_record: Document) -> None:
        """Record the end of a process, and of its job once the output files are stored."""
        folder = blobs.run_dir(self._instance, run.job, run.launch)
        wanted = finish.close(turn, run, exit_record, folder)
        if wanted is None:
            return
        if wanted.entries or timelines.exist(folder):
            turn.after.append(lambda: self._keep(run, folder, wanted))
        else:
            finish.complete(turn, run, Kept())
            turn.after.append(lambda: self._after_end(run))

    def _drop(self, run: Run) -> None:
        """No live job owns this run any more: nothing of it may stay."""
        if run.ended:
            self._after_end(run)
            self._files.remove(run.job, run.launch)
        else:
            # Its exit will bring it here again.
            self._fleet.send_abort(run.launch, "all", 0.0)

    def _keep(self, run: Run, folder: Path, wanted: outputs.Wanted) -> None:
        run.closing = True

        def then(turn: Turn, kept: Kept) -> None:
            finish.complete(turn, run, kept)
            turn.after.append(lambda: self._files.delete_sources(kept.delete, wanted.owner))
            turn.after.append(lambda: self._after_end(run))

        self._files.keep(run, folder, wanted, then)

    def _after_end(self, run: Run) -> None:
        """The end is committed: free the place."""
        self._fleet.forget(run)
        self._queue.stir()

    def record(self, turn: Turn, done: Done) -> None:
        """Record what came of an errand."""
        phases.record(turn, done, self.launch)
        turn.after.append(lambda: self._fleet.dismiss(done.id))
        turn.after.append(self._queue.stir)

    def launch(self, frame: Document, job_id: str) -> None:
        """Send a launch, once its input files are in place."""
        entries, folder = frame.pop("inputs"), Path(frame.pop("folder"))
        run = self._fleet.add(Run(job_id, frame["launch"]))

        def send(failure: str | None = None) -> None:
            if failure or run.cancelled:
                self._fleet.fail(run, {"setup": failure or "Aborted before the start."})
            else:
                self._fleet.send_launch(run, frame)

        if entries:
            self._files.fetch_inputs(run, entries, folder, send)
        else:
            send()

    def _kill(self, row: Any, kill: str | None) -> None:
        """Tell the launcher to end a job's process, if it has one, and those of its actions."""
        grace = self._settings["ABORT_GRACE"]
        self._fleet.abort_guests(row.id, grace)
        if kill is not None:
            self._fleet.send_abort(row.launch, kill, grace)
