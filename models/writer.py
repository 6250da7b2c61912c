"""Group commit for SQLite: one native thread per process that writes for all its callers.

Waiting for the lock of other processes' writes blocks a whole thread. In a gevent worker that
would freeze every client, so it happens in a thread of the operating system, and callers wait
cooperatively.
"""

import queue
import sqlite3
import threading
import time
from collections.abc import Callable
from typing import Any, TypeVar

import sqlalchemy as sa
from gevent import monkey

from models.statements import RELEASE, SAVEPOINT, UNDO

Result = TypeVar("Result")
Work = Callable[[sa.Connection], Any]

#: The most works in one commit; more would make the first of them wait for the last.
_BATCH = 100
#: How often a write looks whether the lock is free, and for how long, seconds.
_LOCK_POLL_SECONDS = 0.001
_LOCK_PATIENCE_SECONDS = 15.0

# The originals: under gevent's patches these names would mean greenlets.
_start_thread = monkey.get_original("_thread", "start_new_thread")
_sleep = monkey.get_original("time", "sleep")
_NativeQueue = monkey.get_original("queue", "SimpleQueue")


class _Call:
    """One queued work, its outcome, and how to wake whoever waits for it."""

    def __init__(self, work: Work) -> None:
        self.work = work
        self.result: Any = None
        self.error: BaseException | None = None
        self.done: Callable[[], None] = _nothing


def _nothing() -> None:
    return None


class GroupCommitWriter:
    """Runs works one after another, each in its savepoint, many in one commit."""

    def __init__(self, engine: sa.Engine) -> None:
        self._engine = engine
        #: Works to run; nothing ends the thread.
        self._calls: queue.SimpleQueue[_Call | None] = _NativeQueue()
        self._connection: sa.Connection | None = None
        self._starting = threading.Lock()
        self._started = False

    def run(self, work: Callable[[sa.Connection], Result]) -> Result:
        """Queue `work`, wait until it is committed, and return or raise what it did."""
        self._ensure_thread()
        call = _Call(work)
        wait = _gevent_wait if monkey.is_module_patched("threading") else _thread_wait
        wait(call, self._calls.put)
        if call.error is not None:
            raise call.error
        result: Result = call.result
        return result

    def close(self) -> None:
        """End the thread once everything that was queued is committed."""
        with self._starting:
            if self._started:
                self._calls.put(None)

    def _ensure_thread(self) -> None:
        """Start the thread at first use: after a fork, in the process that writes."""
        with self._starting:
            if not self._started:
                self._started = True
                _start_thread(self._serve, ())

    def _serve(self) -> None:
        while batch := self._next_batch():
            self._commit(batch)
            for call in batch:
                call.done()
        self._disconnect()

    def _next_batch(self) -> list[_Call]:
        """Wait for a work, and take what waits behind it; empty when there will be no more."""
        batch: list[_Call] = []
        while not batch or (len(batch) < _BATCH and not self._calls.empty()):
            call = self._calls.get()
            if call is None:
                if batch:
                    # First these works, then the end.
                    self._calls.put(None)
                break
            batch.append(call)
        return batch

    def _commit(self, batch: list[_Call]) -> None:
        """Run and commit `batch`; what breaks the commit itself breaks every call in it."""
        try:
            self._connection = self._connection or _connect(self._engine)
            _commit(self._connection, batch)
        except BaseException as error:  # noqa: BLE001 - every waiter must hear of it
            for call in batch:
                call.error = call.error or error
            if isinstance(error, sa.exc.DBAPIError):
                self._disconnect()

    def _disconnect(self) -> None:
        """Close the connection; the next batch opens a new one."""
        connection, self._connection = self._connection, None
        if connection is not None:
            connection.close()


def _connect(engine: sa.Engine) -> sa.Connection:
    connection = engine.connect()
    # It waits by itself, see `_begin()`.
    connection.exec_driver_sql("PRAGMA busy_timeout = 0")
    connection.rollback()
    return connection


def _commit(connection: sa.Connection, batch: list[_Call]) -> None:
    with connection.begin():
        _begin(connection)
        if len(batch) == 1:
            # What raises here undoes all there is: no savepoint is needed.
            batch[0].result = batch[0].work(connection)
            return
        for call in batch:
            _run_in_savepoint(connection, call)


def _begin(connection: sa.Connection) -> None:
    """Take the lock of writes, within a millisecond or so of its release.

    SQLite itself looks ever less often, ten times a second in the end, and misses its turn when
    others take theirs in between.
    """
    driver: Any = connection.connection.driver_connection
    ends = time.monotonic() + _LOCK_PATIENCE_SECONDS
    while time.monotonic() < ends:
        try:
            driver.execute("BEGIN IMMEDIATE")
        except sqlite3.OperationalError as error:
            if error.sqlite_errorcode & 0xFF != sqlite3.SQLITE_BUSY:
                break
            _sleep(_LOCK_POLL_SECONDS)
        else:
            return
    # Raises what is wrong as an error of SQLAlchemy.
    connection.exec_driver_sql("BEGIN IMMEDIATE")


def _run_in_savepoint(connection: sa.Connection, call: _Call) -> None:
    connection.exec_driver_sql(SAVEPOINT)
    try:
        call.result = call.work(connection)
    except BaseException as error:  # noqa: BLE001 - raised again where the caller waits
        call.error = error
        # Fails where SQLite has undone the whole transaction: that concerns all calls.
        connection.exec_driver_sql(UNDO)
    else:
        connection.exec_driver_sql(RELEASE)


def _thread_wait(call: _Call, submit: Callable[[_Call], None]) -> None:
    event = threading.Event()
    call.done = event.set
    submit(call)
    event.wait()


def _gevent_wait(call: _Call, submit: Callable[[_Call], None]) -> None:
    """Wait in this greenlet only; an async watcher is the one thing other threads may touch."""
    from gevent import get_hub  # noqa: PLC0415 - the engine never loads the event loop
    from gevent.event import Event  # noqa: PLC0415

    done = Event()
    watcher = get_hub().loop.async_()
    watcher.start(done.set)
    call.done = watcher.send
    try:
        submit(call)
        done.wait()
    finally:
        watcher.stop()
