"""The engine's loop: hears the doorbell and the launchers, and turns what it hears into writes."""

import logging
import os
import selectors
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from queue import SimpleQueue
from typing import Any

import sqlalchemy as sa
from flask import Flask

from core import blobs
from engine import finish, messages, outputs, queue, starting, watch
from engine.fleet import Fleet
from engine.lease import RENEW_SECONDS, LeadershipLost, Lease
from engine.messages import Batch
from engine.turn import Run, Turn
from models.database import db
from services.doorbell import Bell, Ringer

logger = logging.getLogger(__name__)

#: Pause after a defect, so that it does not fill the log, seconds.
_AFTER_ERROR_SECONDS = 1.0
_FILE_THREADS = 4


class Engine:
    """One engine: waits for leadership, then starts, watches and ends jobs."""

    def __init__(self, app: Flask) -> None:
        self.settings = app.config
        self.instance: Path = app.config["INSTANCE_PATH"]
        self.lease = Lease()
        self.stopping = False
        self._app = app
        self._bell = Bell(self.instance)
        self._ringer = Ringer(self.instance)
        self._selector = selectors.DefaultSelector()
        self._selector.register(self._bell.socket, selectors.EVENT_READ)
        self._pool = ThreadPoolExecutor(_FILE_THREADS, "files")
        #: Works that other threads finished: each is a call for the loop to make.
        self._delivered: SimpleQueue[Callable[[Turn], None]] = SimpleQueue()
        self._fleet = Fleet(self.instance, self._selector)
        self._queue = queue.Queue()
        self._look = True
        self._wake_at = 0.0
        self._renew_at = 0.0

    def run(self) -> None:
        """Lead whenever that is possible, until `stopping`."""
        while not self.stopping:
            self._beat()
            if not self.lease.acquire():
                self._wait(RENEW_SECONDS / 2)
                continue
            try:
                self._lead()
            except LeadershipLost:
                logger.warning("another engine leads now")
                self._fleet.disconnect()
        self._finish_up()

    def stop(self) -> None:
        """End after the current turn."""
        self.stopping = True

    def _lead(self) -> None:
        logger.info("leading with epoch %s", self.lease.epoch)
        self._fleet.is_broken = True
        while not self.stopping:
            try:
                self._keep_leading()
                if self._fleet.is_broken:
                    self._fleet.connect(self.lease.epoch)
                    self._write(lambda turn: self._fleet.recover(turn, self._launch))
                    self._queue.stir()
                    self._look = True
                self._turn()
                self._wait(self._timeout())
            except LeadershipLost:
                raise
            except Exception:
                logger.exception("the engine's loop failed")
                self._queue.stir()
                self._look = True
                self._beat()
                time.sleep(_AFTER_ERROR_SECONDS)

    def _finish_up(self) -> None:
        """Hand over: another engine may go on at once, jobs keep running."""
        self._pool.shutdown(wait=False, cancel_futures=True)
        self._fleet.disconnect()
        self._bell.close()
        if self.lease.epoch:
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
        idle = not self._look and self._delivered.empty()
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
        gathered = [self._gather(run) for run in self._due_runs()]
        delivered = self._take_delivered()
        look, self._look = self._look, False
        todo = db.read(self._queue.find) if look else None
        if todo is not None:
            self._wake_at = time.monotonic() + todo.seconds_to_next
        if not gathered and not delivered and (todo is None or todo.is_empty):
            return
        try:
            self._write(lambda turn: self._work(turn, gathered, delivered, todo))
        except BaseException:
            # Nothing was written: all of it has to come again.
            for run, _, _ in gathered:
                run.touched = True
            for call in delivered:
                self._delivered.put(call)
            raise
        self._ringer.ring(skip=self._bell.name)

    def _take_delivered(self) -> list[Callable[[Turn], None]]:
        return [self._delivered.get() for _ in range(self._delivered.qsize())]

    def _due_runs(self) -> list[Run]:
        now = time.monotonic()
        return [run for run in self._fleet.touched() if run.next_write <= now]

    def _gather(self, run: Run) -> tuple[Run, Batch, dict[str, Any] | None]:
        """Read what a run wrote; outside the transaction, because disks may be slow."""
        folder = self._folder(run)
        # The exit record first: what was written before it is then surely in the batch.
        exit_record = self._fleet.exit_of(run, folder) if run.ended else None
        run.touched = False
        run.pay(time.monotonic())
        return run, messages.read(folder, run.segment, run.offset), exit_record

    def _folder(self, run: Run) -> Path:
        return blobs.run_dir(self.instance, run.job, run.launch)

    def _write(self, work: Callable[[Turn], Any]) -> None:
        """Run `work` in a transaction of the leader, then what it left to do afterwards."""

        def guarded(connection: sa.Connection) -> Turn:
            self.lease.check(connection)
            turn = Turn(connection, self.settings)
            work(turn)
            return turn

        for effect in db.write(guarded).after:
            try:
                effect()
            except LeadershipLost:
                raise
            except Exception:
                logger.exception("what follows a transaction failed")

    def _work(
        self,
        turn: Turn,
        gathered: list[tuple[Run, Batch, dict[str, Any] | None]],
        delivered: list[Callable[[Turn], None]],
        todo: queue.Todo | None,
    ) -> None:
        for run, batch, exit_record in gathered:
            if not self._isolated(turn, self._advance, run, batch, exit_record):
                run.touched, run.retry_at = True, time.monotonic() + _AFTER_ERROR_SECONDS
        for call in delivered:
            self._isolated(turn, call)
        if todo is not None:
            for step in self._queue.steps(todo, self._fleet.room(), self._launch, self._kill):
                self._isolated(turn, step)

    def _isolated(self, turn: Turn, step: Callable[..., None], *arguments: Any) -> bool:
        """Run one step in a savepoint: a defect with one job must not stop all others."""
        kept = len(turn.after)
        try:
            with turn.connection.begin_nested():
                step(turn, *arguments)
        except sa.exc.OperationalError:
            raise
        except Exception:
            del turn.after[kept:]
            logger.exception("a step of the engine failed")
            return False
        return True

    def _advance(
        self, turn: Turn, run: Run, batch: Batch, exit_record: dict[str, Any] | None
    ) -> None:
        """Apply what a run told; where it has ended, end its job."""
        if run.closing:
            return
        applied = watch.apply(turn, run, batch)
        if applied is watch.Applied.GONE:
            turn.after.append(lambda: self._fleet.forget(run))
        elif applied is watch.Applied.OUT_OF_STEP or batch.more:
            run.touched, run.paid_until = True, 0.0
        elif exit_record is not None:
            self._end(turn, run, exit_record)

    def _end(self, turn: Turn, run: Run, exit_record: dict[str, Any]) -> None:
        """Record the end of a process, and of its job once the output files are stored."""
        folder = self._folder(run)
        entries = finish.close(turn, run, exit_record, folder)
        if entries:
            run.closing = True
            turn.after.append(lambda: self._store_outputs(run, folder, entries))
        elif entries is not None:
            finish.complete(turn, run, folder, [], None)
            turn.after.append(lambda: self._after_end(run))

    def _after_end(self, run: Run) -> None:
        """The record is committed: free the place and clean up, off the loop."""
        self._fleet.forget(run)
        self._queue.stir()
        self._look = True
        self._pool.submit(blobs.delete_run, self.instance, run.job, run.launch)

    def _store_outputs(self, run: Run, folder: Path, entries: list[Any]) -> None:
        """Store output files in another thread, then complete the job in a turn of the loop."""

        def work() -> None:
            stored, delete, failure = self._try_store(run, folder, entries)

            def deliver(turn: Turn) -> None:
                finish.complete(turn, run, folder, stored, failure)
                turn.after.append(lambda: outputs.delete_sources(delete))
                turn.after.append(lambda: self._after_end(run))

            self._deliver(deliver)

        self._pool.submit(work)

    def _try_store(
        self, run: Run, folder: Path, entries: list[Any]
    ) -> tuple[list[dict[str, Any]], list[Path], str | None]:
        work = next(path for path in blobs.work_folders(folder) if path.exists())
        try:
            stored, delete = outputs.store(self.instance, run.job, "", work, entries)
        except outputs.UploadError as error:
            return [], [], str(error)
        except Exception:
            logger.exception("storing output files failed")
            return [], [], "Failed to upload job file: Internal error"
        return stored, delete, None

    def _deliver(self, call: Callable[[Turn], None]) -> None:
        """Hand a call to the loop, from any thread."""
        self._delivered.put(call)
        self._ringer.ring()

    # Launching and killing

    def _launch(self, frame: dict[str, Any], job_id: str) -> None:
        """Send a launch, input files first."""
        entries = frame.pop("inputs")
        run = self._fleet.add(Run(job_id, frame["launch"]))
        if not entries:
            self._fleet.send_launch(run, frame)
            return

        def work() -> None:
            failure = starting.fetch_inputs(self.instance, entries, Path(frame["cwd"]))
            self._deliver(lambda _turn: self._launch_fetched(run, frame, failure))

        self._pool.submit(work)

    def _launch_fetched(self, run: Run, frame: dict[str, Any], failure: str | None) -> None:
        if failure or run.cancelled:
            self._fleet.fail(run, {"setup": failure or "Aborted before the start."})
        else:
            self._fleet.send_launch(run, frame)

    def _kill(self, row: Any, kill: str) -> None:
        """Tell the launcher to end a job's process."""
        grace: float = self.settings["ABORT_GRACE"]
        self._fleet.send_abort(row.launch, kill, grace)
