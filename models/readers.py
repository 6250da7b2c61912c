"""Reading from SQLite: one connection per thread, kept open.

A query there takes less time than taking a connection from a pool and giving it back. Greenlets
of one thread share its connection: a query never yields, so they never meet on it.
"""

import time
from collections.abc import Callable
from typing import Any, TypeVar

import sqlalchemy as sa
from gevent import monkey

from core.aside import aside

Result = TypeVar("Result")

# The original: under gevent's patches each greenlet would have its own.
_Local = monkey.get_original("threading", "local")


#: As many steps does SQLite make between two looks at the clock: less than a millisecond.
_STEPS_BETWEEN_LOOKS = 10_000


class QueryTimeout(Exception):
    """A query took longer than it may."""


class ThreadReaders:
    """The read connections of a process."""

    def __init__(self, engine: sa.Engine) -> None:
        self._engine = engine
        self._local = _Local()

    def run(self, work: Callable[[sa.Connection], Result]) -> Result:
        """Run `work` on this thread's connection; after an error the next call gets a new one."""
        connection = self._open()
        if connection is None:
            # Each statement is its own transaction, so that none keeps old data alive.
            connection = self._engine.connect().execution_options(isolation_level="AUTOCOMMIT")
            self._local.connection = connection
        try:
            return work(connection)
        except sa.exc.DBAPIError:
            self.close()
            raise

    def search(self, work: Callable[[sa.Connection], Result], longest_seconds: float) -> Result:
        """Run `work`, which may take long, in another thread; raises `QueryTimeout`."""

        def limited(connection: sa.Connection) -> Result:
            driver: Any = connection.connection.driver_connection
            deadline = time.monotonic() + longest_seconds
            driver.set_progress_handler(lambda: time.monotonic() > deadline, _STEPS_BETWEEN_LOOKS)
            try:
                return work(connection)
            finally:
                driver.set_progress_handler(None, 0)

        try:
            result: Result = aside(self.run, limited)
            return result
        except sa.exc.OperationalError as error:
            if str(error.orig) != "interrupted":
                raise
            raise QueryTimeout from None

    def kept(self) -> dict[str, Any]:
        """What this thread keeps of its reads; emptied by any commit of anybody since.

        SQLite's own count of changes tells, in a tenth of the time that a query takes.
        """
        version = self.run(_data_version)
        kept: tuple[int, dict[str, Any]] = getattr(self._local, "kept", (0, {}))
        if kept[0] != version:
            kept = self._local.kept = (version, {})
        return kept[1]

    def close(self) -> None:
        """Close this thread's connection."""
        connection = self._open()
        if connection is not None:
            # Another connection counts from another start.
            self._local.connection, self._local.kept = None, (0, {})
            connection.close()

    def _open(self) -> sa.Connection | None:
        connection: sa.Connection | None = getattr(self._local, "connection", None)
        return connection


def _data_version(connection: sa.Connection) -> int:
    driver: Any = connection.connection.driver_connection
    version: int = driver.execute("PRAGMA data_version").fetchone()[0]
    return version
