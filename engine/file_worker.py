"""Threads for the slow work with files: the loop hands it over and hears back in a later turn."""

import logging
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path
from typing import Any

from core import blobs, timelines
from core.timelines import Timelines
from engine import launch_frame, outputs
from engine.deliveries import Deliveries
from engine.finish import Kept
from engine.turn import Run, Turn

logger = logging.getLogger(__name__)

Document = dict[str, Any]

_THREADS = 4


class FileWorker:
    """Keeps what is left of ended runs, fetches input files, removes run folders; off the loop."""

    def __init__(self, instance: Path, deliveries: Deliveries) -> None:
        self._instance = instance
        self._deliveries = deliveries
        self._pool = ThreadPoolExecutor(_THREADS, "files")

    def stop(self) -> None:
        """Start nothing more; what is under way is done again after the next start."""
        self._pool.shutdown(wait=False, cancel_futures=True)

    def remove(self, job_id: str, launch_id: str) -> None:
        """Delete what a run left on disk."""
        self._pool.submit(blobs.delete_run, self._instance, job_id, launch_id)

    def delete(self, job_id: str) -> None:
        """Delete all that lies on disk for a job without a record."""
        self._pool.submit(blobs.delete_job_blobs, self._instance, job_id)

    def delete_sources(self, paths: Sequence[Path], owner: int | None) -> None:
        """Delete the files that output files were made of."""
        if paths:
            self._pool.submit(outputs.delete_sources, paths, owner)

    def keep(
        self,
        run: Run,
        folder: Path,
        wanted: outputs.Wanted,
        then: Callable[[Turn, Kept], None],
    ) -> None:
        """Store a run's output files and read its timelines, for `then`."""

        def work() -> None:
            kept = replace(self._store(run, wanted), measured=_measured(run, folder))
            self._deliveries.put((run.job, lambda turn: then(turn, kept)))

        self._pool.submit(work)

    def _store(self, run: Run, wanted: outputs.Wanted) -> Kept:
        try:
            stored, delete = outputs.store(self._instance, run.job, wanted)
        except outputs.UploadError as error:
            return Kept(failure=str(error))
        except Exception:
            logger.exception("storing the output files of job %s failed", run.job)
            return Kept(failure="Failed to upload job file: Internal error")
        return Kept(stored, delete)

    def fetch_inputs(
        self,
        run: Run,
        entries: Sequence[Document],
        folder: Path,
        then: Callable[[str | None], None],
    ) -> None:
        """Put a run's input files into its folder; `then` gets what went wrong, if anything."""

        def work() -> None:
            failure = self._fetch(run, entries, folder)
            self._deliveries.put((run.job, lambda turn: turn.after.append(lambda: then(failure))))

        self._pool.submit(work)

    def _fetch(self, run: Run, entries: Sequence[Document], folder: Path) -> str | None:
        try:
            return launch_frame.fetch_inputs(self._instance, entries, folder)
        except Exception:
            logger.exception("fetching the input files of job %s failed", run.job)
            return "Setup Error: Internal error"


def _measured(run: Run, folder: Path) -> Timelines:
    """A run's timelines; they are worth less than the end of its job."""
    try:
        return timelines.read(folder)
    except Exception:
        logger.exception("reading the timelines of job %s failed", run.job)
        return timelines.NONE
