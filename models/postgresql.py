"""Reading and writing on PostgreSQL: a small pool per process, one transaction per write."""

import random
import time
from collections.abc import Callable
from typing import Any, TypeVar

import psycopg
import sqlalchemy as sa
from psycopg.types.string import StrDumper, StrDumperUnknown
from sqlalchemy.exc import DBAPIError

from models.readers import QueryTimeout
from models.statements import WRITERS_LOCK, WRITES

Result = TypeVar("Result")
Work = Callable[[sa.Connection], Result]

#: Connections of one process: that many are kept, and as many again may be opened for a while.
POOL_SIZE = 5
#: How long a greenlet or thread waits for one of them, seconds.
_POOL_TIMEOUT_SECONDS = 5.0
#: Pauses before a transaction is tried again that lost a deadlock or its connection, seconds.
_PAUSES = (0.02, 0.1, 0.3)
#: Of SQL's states: a serialization failure and a deadlock, both rolled back.
_PASSING = frozenset({"40001", "40P01"})
#: The state of a statement that ran into its time limit.
_CANCELLED = "57014"

#: What PostgreSQL is asked for at each connect, unless the URL says otherwise. A dead peer is
#: noticed within a quarter of a minute; a stopped process must not keep its locks for ever.
_CONNECT = {
    "connect_timeout": 3,
    "keepalives": 1,
    "keepalives_idle": 5,
    "keepalives_interval": 3,
    "keepalives_count": 3,
    "tcp_user_timeout": 15_000,
    "application_name": "switchyard",
    "options": "-c idle_in_transaction_session_timeout=5s -c lock_timeout=6s"
    " -c statement_timeout=30s -c timezone=UTC",
}


def engine_options(url: sa.URL) -> dict[str, Any]:
    """How SQLAlchemy's engine is made for this database."""
    return {
        "connect_args": {key: value for key, value in _CONNECT.items() if key not in url.query},
        "pool_size": POOL_SIZE,
        "max_overflow": POOL_SIZE,
        "pool_timeout": _POOL_TIMEOUT_SECONDS,
    }


def set_up(connection: "psycopg.Connection[Any]", _record: Any) -> None:
    """Prepare one connection: no text that a client sends can break a statement."""
    for dumper in (_Text, _UnknownText):
        connection.adapters.register_dumper(str, dumper)


def _storable(text: str) -> str:
    """What PostgreSQL can keep: no NUL and no half of a surrogate pair."""
    if "\0" in text:
        text = text.replace("\0", "\ufffd")
    return text.encode("utf-8", "replace").decode() if _has_surrogate(text) else text


def _has_surrogate(text: str) -> bool:
    try:
        text.encode()
    except UnicodeEncodeError:
        return True
    return False


class _Text(StrDumper):
    """Sends texts."""

    def dump(self, obj: str) -> Any:
        return super().dump(_storable(obj))


class _UnknownText(StrDumperUnknown):
    """Sends texts whose type the server finds out."""

    def dump(self, obj: str) -> Any:
        return super().dump(_storable(obj))


class PoolReaders:
    """Reads on any free connection; each statement is its own transaction."""

    def __init__(self, engine: sa.Engine) -> None:
        self._engine = engine.execution_options(isolation_level="AUTOCOMMIT")
        self._transactions = engine

    def search(self, work: Work[Result], longest_seconds: float) -> Result:
        """Run `work`, which may take long; raises `QueryTimeout`. Waiting blocks nobody here."""
        limit = sa.text(f"SET LOCAL statement_timeout = {int(longest_seconds * 1000)}")
        try:
            with self._transactions.connect() as connection:
                connection.execute(limit)
                return work(connection)
        except DBAPIError as error:
            if _state(error) != _CANCELLED:
                raise
            raise QueryTimeout from None

    def run(self, work: Work[Result]) -> Result:
        """Run `work`; again, on a new connection, when the server had closed the first one."""
        try:
            return self._run(work)
        except DBAPIError as error:
            if not error.connection_invalidated:
                raise
        return self._run(work)

    def _run(self, work: Work[Result]) -> Result:
        with self._engine.connect() as connection:
            return work(connection)

    @staticmethod
    def kept() -> dict[str, Any]:
        """Nothing: only asking would tell whether the database has changed, so it is read again."""
        return {}

    def close(self) -> None:
        """Nothing is held between reads."""


class TransactionWriter:
    """Runs each work in a transaction of its own, alone or beside others.

    Alone no other write of anybody runs meanwhile, as on SQLite: what `work` has read stays true.
    Others may be `shared`: they run at the same time as each other, lock the rows that they
    change, and are kept apart from those who have to be alone.
    """

    def __init__(self, engine: sa.Engine, *, shared: bool) -> None:
        self._engine = engine.execution_options(**{WRITES: True})
        suffix = "_shared" if shared else ""
        self._lock = sa.text(f"SELECT pg_advisory_xact_lock{suffix}({WRITERS_LOCK})")

    def run(self, work: Work[Result]) -> Result:
        """Run `work`, commit, and return or raise what it did.

        What was surely rolled back, by a deadlock or the loss of the connection, is tried again.
        """
        for pause in _PAUSES:
            try:
                return self._run(work)
            except _RolledBack:
                # Not all at once, or they would meet again.
                time.sleep(pause * random.uniform(0.5, 1.5))  # noqa: S311 - no secret
        try:
            return self._run(work)
        except _RolledBack as error:
            raise error.reason from None

    def _run(self, work: Work[Result]) -> Result:
        with self._engine.connect() as connection:
            try:
                # The first statement: what it waits for is seen by all that follow.
                connection.execute(self._lock)
                result = work(connection)
            except DBAPIError as error:
                if error.connection_invalidated or _state(error) in _PASSING:
                    raise _RolledBack(error) from error
                raise
            # If the connection breaks here, nobody knows what became of it.
            connection.commit()
            return result

    def close(self) -> None:
        """Nothing is held between writes."""


class _RolledBack(Exception):
    """A transaction failed before its commit, and may go well the next time."""

    def __init__(self, reason: DBAPIError) -> None:
        self.reason = reason


def _state(error: DBAPIError) -> str | None:
    return getattr(error.orig, "sqlstate", None)
