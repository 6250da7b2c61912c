"""The engine's loop: hears the doorbell and the launchers, and turns what it hears into writes."""

import logging
import os
import selectors
import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from functools import partial
from pathlib import Path
from typing import Any

import sqlalchemy as sa
from flask import Flask

from core import clock
from core.disk import free_bytes
from engine import claims
from engine.deliveries import Deliveries, Delivery
from engine.errand_processes import ErrandProcesses
from engine.errand_worker import ErrandWorker
from engine.file_worker import FileWorker
from engine.fleet import Fleet
from engine.lease import RENEW_SECONDS, LeadershipLost, Lease
from engine.queue import Queue
from engine.reader import Reader, charge
from engine.steps import News, Steps
from engine.turn import Claimed, Turn
from models.database import db
from services import doorbell, statistics

logger = logging.getLogger(__name__)

#: Pause after a defect, so that it does not fill the log, seconds.
_AFTER_ERROR_SECONDS = 1.0


class Engine:
    """One engine: waits for leadership, then starts, watches and ends jobs."""

    def __init__(self, app: Flask) -> None:
        self.settings = app.config
        self.instance: Path = app.config["INSTANCE_PATH"]
        self.lease = Lease()
        self.stopping = False
        self._bell = doorbell.listen(app)
        self._ringer = doorbell.ringer()
        self._selector = selectors.DefaultSelector()
        self._selector.register(self._bell.socket, selectors.EVENT_READ)
        self._fleet = Fleet(self.instance, self._selector)
        self._reader = Reader(self.instance, self._fleet)
        self._queue = Queue()
        self._deliveries = Deliveries(self._bell.wake)
        self._files = FileWorker(self.instance, self._deliveries)
        self._steps = Steps(self.settings, self._fleet, self._queue, self._files, self._deliveries)
        grace: float = self.settings["ABORT_GRACE"]
        processes = ErrandProcesses(self.instance, self._fleet, self._deliveries, grace)
        self._errands = ErrandWorker(app, self._deliveries, self._steps.record, processes.run)
        #: Something may be to do: look at the database.
        self._look = True
        #: When the next limit or delay is due, by the monotonic clock.
        self._wake_at = 0.0
        self._renew_at = 0.0

    def run(self) -> None:
        """Lead whenever that is possible, until `stopping`."""
        while not self.stopping:
            self._beat()
            if not self._may_lead():
                self._wait(RENEW_SECONDS / 2)
                continue
            try:
                self._lead()
            except LeadershipLost:
                logger.warning("another engine leads now")
                self._fleet.disconnect()
                self._errands.drop()
        self._finish_up()

    def _may_lead(self) -> bool:
        """Whether this engine leads now; it does not where the database can't be asked."""
        try:
            return self.lease.acquire()
        except sa.exc.SQLAlchemyError:
            logger.exception("the database can't be asked who leads")
            return False

    def submit(self, errands: Sequence[Claimed]) -> None:
        """Have errands done that were claimed outside of the loop; from any thread."""
        self._errands.submit(errands)

    def stop(self) -> None:
        """End after the current turn."""
        self.stopping = True

    def _lead(self) -> None:
        logger.info("leading with epoch %s", self.lease.epoch)
        while not self.stopping:
            try:
                self._keep_leading()
                if self._fleet.is_broken:
                    self._take_up()
                self._turn()
                self._wait(self._timeout())
            except LeadershipLost:
                raise
            except Exception as error:
                logger.exception("the engine's loop failed")
                if getattr(error, "connection_invalidated", False):
                    # Nobody knows whether a commit came through: take up all runs once more.
                    self._fleet.disconnect()
                self._recover()

    def _take_up(self) -> None:
        """Go on with all runs and errands that the database knows."""
        self._fleet.connect(self.lease.epoch)
        self._write(lambda turn: self._fleet.recover(turn, self._steps.launch))
        self._errands.submit(db.read(claims.under_way))
        self._queue.stir()
        self._look = True

    def _recover(self) -> None:
        """After a defect: look at everything again, in a moment."""
        self._queue.stir()
        self._look = True
        self._beat()
        time.sleep(_AFTER_ERROR_SECONDS)

    def _finish_up(self) -> None:
        """Hand over: another engine may go on at once, jobs keep running."""
        self._files.stop()
        self._fleet.disconnect()
        self._bell.close()
        if self.lease.epoch:
            with suppress(sa.exc.SQLAlchemyError):
                # If it can't be released, the next engine finds that our process is gone.
                self.lease.release()

    # Waiting

    def _wait(self, seconds: float) -> None:
        """Sleep until something happens, and take note of it."""
        for key, _ in self._selector.select(seconds):
            if key.fileobj is self._bell.socket:
                self._bell.drain()
                self._look = True
        if self._fleet.receive():
            self._look = True

    def _timeout(self) -> float:
        """How long nothing is due, seconds."""
        now = time.monotonic()
        moments = [self._renew_at, self._wake_at]
        moments += [run.next_write for run in self._fleet.touched()]
        idle = not self._look and not self._deliveries.are_there
        return max(0.0, min(moments) - now) if idle else 0.0

    def _keep_leading(self) -> None:
        """Once a second: extend the lease, show that we live, look at everything."""
        now = time.monotonic()
        if now >= self._renew_at:
            self.lease.renew()
            self._beat()
            self._renew_at = now + RENEW_SECONDS
            self._queue.stir()
            self._look = True

    def _beat(self) -> None:
        """Show the supervisor that the loop is alive."""
        path = self.instance / "engine.beat"
        path.touch()
        os.utime(path)

    # Turns

    def _turn(self) -> None:
        """Do everything that is to be done, in one transaction."""
        if time.monotonic() >= self._wake_at:
            self._look = True
        news: list[News] = []
        delivered: list[Delivery] = []
        try:
            self._reader.read_due(news)
            delivered += self._deliveries.take()
            self._do(news, delivered)
        except BaseException:
            # Nothing was written: all of it has to come again.
            for item in news:
                item.run.touched = True
            for delivery in delivered:
                self._deliveries.put(delivery)
            raise

    def _do(self, news: list[News], delivered: Sequence[Delivery]) -> None:
        """Write what is new, and what the database says is to be done."""
        look, self._look = self._look, False
        todo = db.read(partial(self._queue.find, may_start=self._has_room())) if look else None
        if todo is not None:
            self._wake_at = time.monotonic() + todo.seconds_to_next
            self._reader.read_last(todo.to_abort, news)
        if not news and not delivered and (todo is None or todo.is_empty):
            return
        started = time.monotonic()
        self._write(lambda turn: self._steps.take(turn, news, delivered, todo))
        charge(news, time.monotonic() - started)
        is_cut = todo is not None and todo.is_cut and self._fleet.room() > 0
        self._look = self._look or self._queue.is_stirred or is_cut
        self._ringer.ring(skip=self._bell.name)

    def _has_room(self) -> bool:
        """Whether the disk has room for more jobs; the others wait."""
        return bool(free_bytes(self.instance) >= self.settings["MIN_FREE_BYTES"])

    def _write(self, work: Callable[[Turn], Any]) -> None:
        """Run `work` in a transaction of the leader, then what it left to do afterwards.

        Callers may add jobs and files meanwhile. Nobody can take the lead: that is written alone.
        """

        def guarded(connection: sa.Connection) -> Turn:
            self.lease.check(connection)
            turn = Turn(connection, self.settings)
            work(turn)
            statistics.add(connection, turn.tallied, clock.now())
            return turn

        turn = db.write(guarded, shared=True)
        self._errands.submit(turn.claimed)
        for effect in turn.after:
            try:
                effect()
            except LeadershipLost:
                raise
            except Exception:
                logger.exception("what follows a transaction failed")
        for job_id, launch_id in turn.over:
            self._files.remove(job_id, launch_id)
        for job_id in turn.deleted:
            self._files.delete(job_id)
