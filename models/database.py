"""The database handle: where reads and writes go, and how SQLite is set up."""

import os
from collections.abc import Callable
from typing import Any, TypeVar

import sqlalchemy as sa
from flask import Flask, current_app
from flask_sqlalchemy import SQLAlchemy
from sqlalchemy.orm import DeclarativeBase

from models.readers import ThreadReaders
from models.writer import GroupCommitWriter

Result = TypeVar("Result")

#: Pages in the write-ahead log at which a commit checkpoints by itself; the engine's own
#: checkpoints come long before, so this only bounds the file while no engine runs.
_AUTOCHECKPOINT_PAGES = 20_000

_CONNECTION_PRAGMAS = (
    "PRAGMA busy_timeout = 15000",
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
        readers: ThreadReaders | None = current_app.extensions.get("switchyard_readers")
        if readers is not None:
            return readers.run(work)
        with self.engine.connect() as connection:
            return work(connection)

    def kept(self) -> dict[str, Any]:
        """A place for what was read from the database; it is empty whenever that has changed."""
        readers: ThreadReaders | None = current_app.extensions.get("switchyard_readers")
        return {} if readers is None else readers.kept()

    def write(self, work: Callable[[sa.Connection], Result]) -> Result:
        """Run `work` in a transaction and return its result once that is committed.

        On SQLite several callers' works share one commit, each in its savepoint; an exception
        undoes only the work that raised it and is raised here. `work` may run in another
        thread: it must not use the request.
        """
        writer: GroupCommitWriter | None = current_app.extensions.get("switchyard_writer")
        if writer is not None:
            return writer.run(work)
        with self.engine.begin() as connection:
            return work(connection)


db = Database(model_class=Base, session_options={"expire_on_commit": False})


def init_database(app: Flask) -> None:
    """Bind the database to `app`; SQLite connections get their pragmas as they open."""
    url: str = app.config["DATABASE_URL"]
    app.config["SQLALCHEMY_DATABASE_URI"] = url
    is_sqlite = url.startswith("sqlite")
    # Errors go to the log, and parameters are whole documents.
    options: dict[str, Any] = {"hide_parameters": True}
    if is_sqlite:
        # The writer and each reading thread keep a connection; there is nothing to pool.
        options["poolclass"] = sa.NullPool
    app.config["SQLALCHEMY_ENGINE_OPTIONS"] = options
    db.init_app(app)
    if is_sqlite:
        _create_private(sa.make_url(url).database)
        with app.app_context():
            sa.event.listen(db.engine, "connect", _set_up_sqlite)
            app.extensions["switchyard_writer"] = GroupCommitWriter(db.engine)
            app.extensions["switchyard_readers"] = ThreadReaders(db.engine)


def close_database() -> None:
    """Give back what the current application has open: its threads and connections."""
    for name in ("switchyard_writer", "switchyard_readers"):
        if name in current_app.extensions:
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
