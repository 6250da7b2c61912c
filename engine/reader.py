"""Reading what runs wrote, before the transaction that applies it."""

import logging
import time
from collections.abc import Collection, Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import Any

from core import blobs
from engine import messages, records
from engine.fleet import Fleet
from engine.records import Batch
from engine.steps import News
from engine.turn import Run
from models.database import db
from models.job import Job
from services import job_views

logger = logging.getLogger(__name__)

#: Pause after a defect, so that it does not fill the log, seconds.
_AFTER_ERROR_SECONDS = 1.0
#: After this nothing more is read at once, so that the loop never looks dead, seconds.
_LONGEST_READ_SECONDS = 0.5
#: So many batches are read of a run that is about to be aborted: all that may count of its data.
_MOST_LAST_BATCHES = messages.MOST_RESULT_CHARS // records.BATCH_BYTES + 1
#: How much longer than its work took a run waits until it is looked at again.
_WAIT_FOR_WORK = 4.0


class Reader:
    """Reads the records of the runs that a fleet knows, each in its turn."""

    def __init__(self, instance: Path, fleet: Fleet) -> None:
        self._instance = instance
        self._fleet = fleet

    def read_due(self, news: list[News]) -> None:
        """Read what runs wrote, longest waiting first; what takes too long is left for later."""
        ends = time.monotonic() + _LONGEST_READ_SECONDS
        for run in sorted(self._due_runs(), key=lambda run: run.next_write):
            if time.monotonic() > ends:
                break
            self._add(run, news)

    def read_last(self, jobs: Collection[str], news: list[News]) -> None:
        """Read all that runs wrote which are about to be aborted: told before, it still counts."""
        ends = time.monotonic() + _LONGEST_READ_SECONDS
        read = {item.run.launch: item.batch for item in news}
        for run in self._fleet.runs_of(jobs):
            batch = read.get(run.launch)
            if run.ended and batch is not None and not batch.more:
                continue
            for _ in range(_MOST_LAST_BATCHES):
                batch = self._add(run, news, batch)
                if batch is None or not batch.more or time.monotonic() > ends:
                    break

    def _add(self, run: Run, news: list[News], after: Batch | None = None) -> Batch | None:
        """Read what a run wrote, behind the batch that was read last; None where that fails."""
        try:
            news.append(self._read(run, after))
        except Exception:
            logger.exception("reading what job %s wrote failed", run.job)
            run.touched, run.retry_at = True, time.monotonic() + _AFTER_ERROR_SECONDS
            return None
        return news[-1].batch

    def _read(self, run: Run, after: Batch | None) -> News:
        """Read what a run wrote; outside the transaction, because disks may be slow."""
        folder = blobs.run_dir(self._instance, run.job, run.launch)
        # The exit record first: what was written before it is then surely in the batch.
        exit_record = self._fleet.exit_of(run, folder) if run.ended else None
        run.touched = False
        started = time.monotonic()
        place = (run.segment, run.offset) if after is None else (after.segment, after.offset)
        batch = records.read(folder, *place, partial(_values_of, run.job))
        now = time.monotonic()
        # Who takes long to read has to wait longer: the time of this loop belongs to all runs.
        run.pay(now + _WAIT_FOR_WORK * (now - started))
        return News(run, batch, exit_record)

    def _due_runs(self) -> list[Run]:
        now = time.monotonic()
        return [run for run in self._fleet.touched() if run.next_write <= now]


def charge(news: Sequence[News], seconds: float) -> None:
    """Let runs wait longer whose news took long to write: large documents cost all others."""
    for item in news:
        run = item.run
        run.paid_until += _WAIT_FOR_WORK * seconds / len(news)


def _values_of(job_id: str) -> Mapping[str, Any]:
    """A live job with all that its process has reported so far, for macros."""
    row = db.read(lambda connection: Job.load(connection, job_id))
    return {} if row is None or row.final else job_views.live_details(row)
