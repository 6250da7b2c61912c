"""What can wait: compressing logs, checkpointing the write-ahead log, deleting what is over."""

import logging
import threading
import time
from collections.abc import Callable
from pathlib import Path

from flask import Flask

from core import blobs, clock
from core.config import Settings
from engine import retention, sweep
from models import database
from models.database import db
from models.idempotency_key import IdempotencyKey
from models.job import Job

logger = logging.getLogger(__name__)

_PAUSE_SECONDS = 1.0
_SHORTEST_PAUSE_SECONDS = 0.05
#: The write-ahead log is copied into the database from this size on, bytes.
_CHECKPOINT_BYTES = 4 * 1024 * 1024
_LOGS_AT_ONCE = 10
_KEYS_AT_ONCE = 500


class Housekeeping(threading.Thread):
    """A thread of the leading engine that tidies up in small steps."""

    def __init__(self, app: Flask, leads: Callable[[], bool]) -> None:
        super().__init__(name="housekeeping", daemon=True)
        self._app = app
        self._leads = leads
        self._stopping = threading.Event()
        #: Logs that could not be compressed; they are not tried again at once.
        self._failed: set[str] = set()
        self._settings: Settings = dict(app.config)
        self._instance: Path = app.config["INSTANCE_PATH"]
        self._sweep = sweep.Sweep(self._instance)

    def stop(self) -> None:
        """End after the current step."""
        self._stopping.set()

    def run(self) -> None:
        """Tidy up once a second; clean up all that time where there is much to clean up."""
        with self._app.app_context():
            pause = _PAUSE_SECONDS
            while not self._stopping.wait(pause):
                ends = time.monotonic() + _PAUSE_SECONDS
                if self._leads():
                    self._step(ends)
                pause = max(_SHORTEST_PAUSE_SECONDS, ends - time.monotonic())

    def _step(self, ends: float) -> None:
        try:
            self._checkpoint()
            self._archive()
            self._forget_keys()
            sweep.expire(self._instance)
            self._sweep.step()
            retention.tidy(self._settings, ends, self._stopping.wait)
        except Exception:
            logger.exception("housekeeping failed")

    def _checkpoint(self) -> None:
        if db.engine.dialect.name == "sqlite" and self._wal_bytes() >= _CHECKPOINT_BYTES:
            db.read(database.checkpoint)

    def _wal_bytes(self) -> int:
        wal = Path(f"{db.engine.url.database}-wal")
        return wal.stat().st_size if wal.exists() else 0

    def _archive(self) -> None:
        """Compress the logs of jobs that have ended."""
        ids = db.read(lambda connection: Job.unarchived(connection, _LOGS_AT_ONCE))
        for job_id in ids:
            if job_id in self._failed:
                continue
            try:
                if blobs.archive_log(self._instance, job_id):
                    self._note_archived(job_id)
            except OSError:
                logger.exception("compressing the log of job %s failed", job_id)
                self._failed.add(job_id)
        if len(ids) == _LOGS_AT_ONCE and self._failed.issuperset(ids):
            # Nothing but failures in the way: try them again.
            self._failed.clear()

    def _forget_keys(self) -> None:
        """Delete idempotency keys that are too old to count."""
        before = clock.now() - self._app.config["IDEMPOTENCY_LIFETIME"]
        if db.read(lambda connection: IdempotencyKey.any_before(connection, before)):
            db.write(lambda c: IdempotencyKey.forget(c, before, _KEYS_AT_ONCE))

    def _note_archived(self, job_id: str) -> None:
        size = blobs.archive_bytes(self._instance, job_id)
        db.write(lambda connection: Job.note_archived(connection, job_id, size))
