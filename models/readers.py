"""Reading from SQLite: one connection per thread, kept open.

A query there takes less time than taking a connection from a pool and giving it back. Greenlets
of one thread share its connection: a query never yields, so they never meet on it.
"""

from collections.abc import Callable
from typing import Any, TypeVar

import sqlalchemy as sa
from gevent import monkey

Result = TypeVar("Result")

# The original: under gevent's patches each greenlet would have its own.
_Local = monkey.get_original("threading", "local")


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
