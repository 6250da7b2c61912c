"""The database handle: where reads and writes go, and how SQLite is set up."""

import importlib
import os
from collections.abc import Callable
from types import ModuleType
from typing import TYPE_CHECKING, Any, TypeVar

import sqlalchemy as sa
from flask import Flask, current_app
from flask_sqlalchemy import SQLAlchemy
from sqlalchemy.orm import DeclarativeBase

from core.config import PREFIX, ConfigError
from models.readers import ThreadReaders
from models.writer import GroupCommitWriter

if TYPE_CHECKING:
    from models.postgresql import PoolReaders, TransactionWriter

Result = TypeVar("Result")

#: Pages in the write-ahead log at which a commit checkpoints by itself; the engine's own
#: checkpoints come long before, so this only bounds the file while no engine runs.
_AUTOCHECKPOINT_PAGES = 20_000

#: Unused pages stay for later use unless they are so many, and such a part of all.
_MOST_FREE_PAGES = 4096
_MOST_FREE_PART = 0.25

_BUSY_TIMEOUT = "PRAGMA busy_timeout = 15000"
_CONNECTION_PRAGMAS = (
    _BUSY_TIMEOUT,
    "PRAGMA synchronous = FULL",
    "PRAGMA foreign_keys = ON",
    f"PRAGMA wal_autocheckpoint = {_AUTOCHECKPOINT_PAGES}",
    "PRAGMA cache_size = -8000",
)


class Base(DeclarativeBase):
    """The declarative base of all tables, with names for constraints that migrations can use."""

    metadata = sa.MetaData(
        naming_convention={
            "ix": "ix_%(table_name)s_%(column_0_N_name)s",
            "uq": "uq_%(table_name)s_%(column_0_N_name)s",
            "fk": "fk_%(table_name)s_%(column_0_N_name)s",
            "pk": "pk_%(table_name)s",
        }
    )


class Database(SQLAlchemy):
    """Flask-SQLAlchemy with short reads and one way to write."""

    def read(self, work: Callable[[sa.Connection], Result]) -> Result:
        """Run `work`, a few short queries, on a connection that nobody else uses meanwhile."""
        readers: ThreadReaders | PoolReaders = current_app.extensions["switchyard_readers"]
        return readers.run(work)

    def search(self, work: Callable[[sa.Connection], Result], longest_seconds: float) -> Result:
        """Run `work`, queries that may take long, while other requests of this process go on.

        Raises `QueryTimeout` when they take longer than `longest_seconds`.
        """
        readers: ThreadReaders | PoolReaders = current_app.extensions["switchyard_readers"]
        return readers.search(work, longest_seconds)

    def kept(self) -> dict[str, Any]:
        """A place for what was read from the database; it is empty whenever that has changed."""
        readers: ThreadReaders | PoolReaders = current_app.extensions["switchyard_readers"]
        return readers.kept()

    def write(self, work: Callable[[sa.Connection], Result], *, shared: bool = False) -> Result:
        """Run `work` in a transaction and return its result once that is committed.

        No other write runs meanwhile, so that what `work` reads stays true. `shared` is for what
        happens all the time: on PostgreSQL such works run beside each other, and have to be right
        there, by locked rows (`Job.load()` locks) and unique constraints.

        On SQLite several callers' works share one commit, each in its savepoint; an exception
        undoes only the work that raised it and is raised here. `work` may run in another thread,
        and on PostgreSQL twice, after a deadlock: it must not use the request.
        """
        name = "switchyard_shared_writer" if shared else "switchyard_writer"
        writer: GroupCommitWriter | TransactionWriter = current_app.extensions[name]
        return writer.run(work)


db = Database(model_class=Base, session_options={"expire_on_commit": False})


def init_database(app: Flask) -> None:
    """Bind the database to `app`, with the ways to read and write that its kind needs."""
    url = sa.make_url(app.config["DATABASE_URL"])
    if url.drivername == "postgresql":
        # SQLAlchemy would look for another driver than the one that comes with us.
        url = url.set(drivername="postgresql+psycopg")
    is_sqlite = url.get_backend_name() == "sqlite"
    app.config["SQLALCHEMY_DATABASE_URI"] = url
    # SQLite: the writer and each reading thread keep a connection; there is nothing to pool.
    options = {"poolclass": sa.NullPool} if is_sqlite else _postgresql().engine_options(url)
    # Errors go to the log, and parameters are whole documents.
    app.config["SQLALCHEMY_ENGINE_OPTIONS"] = {"hide_parameters": True, **options}
    db.init_app(app)
    with app.app_context():
        if is_sqlite:
            _init_sqlite(app, url.database)
        else:
            _init_postgresql(app)


def _postgresql() -> ModuleType:
    """What talks to PostgreSQL; loaded only where that is used, because its driver is optional."""
    try:
        return importlib.import_module("models.postgresql")
    except ModuleNotFoundError as error:
        text = f"{PREFIX}DATABASE_URL needs a driver: pip install -r requirements/postgres.txt"
        raise ConfigError(text) from error


def _init_sqlite(app: Flask, path: str | None) -> None:
    _create_private(path)
    sa.event.listen(db.engine, "connect", _set_up_sqlite)
    writer = GroupCommitWriter(db.engine)
    app.extensions["switchyard_writer"] = app.extensions["switchyard_shared_writer"] = writer
    app.extensions["switchyard_readers"] = ThreadReaders(db.engine)


def _init_postgresql(app: Flask) -> None:
    sa.event.listen(db.engine, "connect", _postgresql().set_up)
    for name, shared in (("switchyard_writer", False), ("switchyard_shared_writer", True)):
        app.extensions[name] = _postgresql().TransactionWriter(db.engine, shared=shared)
    app.extensions["switchyard_readers"] = _postgresql().PoolReaders(db.engine)


def close_database() -> None:
    """Give back what the current application has open: its threads and connections."""
    for name in ("switchyard_writer", "switchyard_readers"):
        current_app.extensions[name].close()
    db.engine.dispose()


def _create_private(path: str | None) -> None:
    """Create the database file for our user alone; its companions take over its mode."""
    if path and path != ":memory:":
        os.close(os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600))


def _set_up_sqlite(connection: Any, _record: Any) -> None:
    """Prepare one SQLite connection; we begin transactions ourselves, so the driver must not."""
    connection.isolation_level = None
    cursor = connection.cursor()
    for pragma in _CONNECTION_PRAGMAS:
        cursor.execute(pragma)
    if cursor.execute("PRAGMA journal_mode").fetchone()[0] != "wal":
        _set_up_file(cursor)
    cursor.close()


def _set_up_file(cursor: Any) -> None:
    """Set what belongs to the file and stays; it takes the write lock, so only for a new file."""
    cursor.execute("PRAGMA auto_vacuum = INCREMENTAL")
    cursor.execute("PRAGMA journal_mode = WAL")


# The write-ahead log and the size of an SQLite database; PostgreSQL sees to its own


def checkpoint(connection: sa.Connection) -> None:
    """Copy the write-ahead log into the database, and make nobody wait for long.

    First what there is, beside all writes. Then the little that came meanwhile, unless somebody is
    writing right now: only a log that is copied to its end begins anew, and grows no further.
    """
    connection.exec_driver_sql("PRAGMA wal_checkpoint(PASSIVE)").close()
    connection.exec_driver_sql("PRAGMA busy_timeout = 0").close()
    connection.exec_driver_sql("PRAGMA wal_checkpoint(FULL)").close()
    connection.exec_driver_sql(_BUSY_TIMEOUT).close()


def used_bytes(connection: sa.Connection) -> int | None:
    """What is in use of the database's file; None where the database does not tell."""
    if connection.dialect.name != "sqlite":
        return None
    pages, free = _pages(connection)
    return (pages - free) * _pragma(connection, "page_size")


def is_loose(connection: sa.Connection) -> bool:
    """Whether much of the database's file is unused."""
    if connection.dialect.name != "sqlite":
        return False
    pages, free = _pages(connection)
    return free > max(_MOST_FREE_PAGES, pages * _MOST_FREE_PART)


def shrink(connection: sa.Connection, pages: int) -> None:
    """Give so many unused pages back to the file system."""
    for _ in range(pages):
        # The statement yields once for each page, and the driver never asks for the next.
        connection.exec_driver_sql("PRAGMA incremental_vacuum(1)")


def _pages(connection: sa.Connection) -> tuple[int, int]:
    return _pragma(connection, "page_count"), _pragma(connection, "freelist_count")


def _pragma(connection: sa.Connection, name: str) -> int:
    return int(connection.exec_driver_sql(f"PRAGMA {name}").scalar_one())
