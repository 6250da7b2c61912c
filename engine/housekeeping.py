"""What can wait: compressing logs, checkpointing the write-ahead log, deleting what is over."""

import logging
import threading
from collections.abc import Callable
from pathlib import Path

import sqlalchemy as sa
from flask import Flask

from core import blobs, clock
from engine import sweep
from models.database import db
from models.idempotency_key import IdempotencyKey
from models.job import Job
from services import statistics

logger = logging.getLogger(__name__)

_PAUSE_SECONDS = 1.0
#: The write-ahead log is copied into the database from this size on, bytes.
_CHECKPOINT_BYTES = 4 * 1024 * 1024
_LOGS_AT_ONCE = 10
_KEYS_AT_ONCE = 500
_COUNTS_PAUSE_SECONDS = 600


class Housekeeping(threading.Thread):
    """A thread of the leading engine that tidies up in small steps."""

    def __init__(self, app: Flask, leads: Callable[[], bool]) -> None:
        super().__init__(name="housekeeping", daemon=True)
        self._app = app
        self._leads = leads
        self._stopping = threading.Event()
        #: Logs that could not be compressed; they are not tried again at once.
        self._failed: set[str] = set()
        self._forget_counts_at = 0.0
        self._instance: Path = app.config["INSTANCE_PATH"]
        self._sweep = sweep.Sweep(self._instance)

    def stop(self) -> None:
        """End after the current step."""
        self._stopping.set()

    def run(self) -> None:
        """Tidy up once a second."""
        with self._app.app_context():
            while not self._stopping.wait(_PAUSE_SECONDS):
                if self._leads():
                    self._step()

    def _step(self) -> None:
        try:
            self._checkpoint()
            self._archive()
            self._forget_keys()
            self._forget_counts()
            sweep.expire(self._instance)
            self._sweep.step()
        except Exception:
            logger.exception("housekeeping failed")

    def _checkpoint(self) -> None:
        """Copy the write-ahead log into the database, without making anybody wait."""
        if db.engine.dialect.name != "sqlite" or self._wal_bytes() < _CHECKPOINT_BYTES:
            return
        db.read(lambda connection: connection.exec_driver_sql("PRAGMA wal_checkpoint(PASSIVE)"))

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

    def _forget_counts(self) -> None:
        """Delete statistics that are too old, now and then."""
        if clock.now() >= self._forget_counts_at:
            db.write(statistics.forget)
            self._forget_counts_at = clock.now() + _COUNTS_PAUSE_SECONDS

    def _note_archived(self, job_id: str) -> None:
        def work(connection: sa.Connection) -> None:
            Job.set_log_form(connection, job_id, "gzip")

        db.write(work)
