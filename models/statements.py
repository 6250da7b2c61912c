"""Statements that are built once and run many times: building one costs more than running it."""

from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from typing import Any

import sqlalchemy as sa
from sqlalchemy.dialects import postgresql, sqlite

#: The parameter that names the row.
KEY = "key"
#: The execution option that writes have: what they read, they may be about to change.
WRITES = "switchyard_writes"
#: Names the lock of writers among PostgreSQL's advisory locks.
WRITERS_LOCK = 0x53775772
#: Savepoints by plain statements: SQLAlchemy's own take four times as long.
SAVEPOINT = "SAVEPOINT step"
RELEASE = "RELEASE SAVEPOINT step"
UNDO = "ROLLBACK TO SAVEPOINT step"
#: Inserts that may say what happens to a row that is there already, by dialect.
INSERTS: dict[str, Any] = {"sqlite": sqlite.insert, "postgresql": postgresql.insert}


@cache
def select_by_id(
    table: sa.Table, names: tuple[str, ...], *, is_locking: bool = False
) -> sa.Select[Any]:
    """Select these columns of the row with the id `KEY`; no names: all columns.

    `is_locking` keeps others from changing the row until this transaction ends.
    """
    columns = [table.c[name] for name in names] if names else list(table.c)
    query = sa.select(*columns).where(table.c.id == sa.bindparam(KEY))
    return query.with_for_update(key_share=True) if is_locking else query


def is_write(connection: sa.Connection) -> bool:
    """Whether this transaction may change rows beside other writers; SQLite has one writer."""
    return bool(connection.get_execution_options().get(WRITES))


@cache
def update_by_id(table: sa.Table, names: tuple[str, ...]) -> sa.Update:
    """Set these columns of the row with the id `KEY`, from parameters named `new_COLUMN`."""
    values: dict[str, Any] = {name: sa.bindparam(f"new_{name}") for name in names}
    return sa.update(table).where(table.c.id == sa.bindparam(KEY)).values(values)


def new_values(values: dict[str, Any]) -> dict[str, Any]:
    """The parameters of `update_by_id()`."""
    return {f"new_{name}": value for name, value in values.items()}


def insert_new(connection: sa.Connection, table: sa.Table, values: dict[str, Any]) -> bool:
    """Insert a row; false when there is one with its key already.

    Waits for another transaction that is inserting the same row.
    """
    statement = _insert_new(table, connection.dialect.name)
    return connection.execute(statement, values).first() is not None


@cache
def _insert_new(table: sa.Table, dialect: str) -> Any:
    statement = INSERTS[dialect](table).on_conflict_do_nothing()
    return statement.returning(*table.primary_key)


def delete_some(
    connection: sa.Connection, key: Any, where: sa.ColumnElement[bool], limit: int
) -> int:
    """Delete at most `limit` rows that nobody holds, named by the column `key`; how many it was."""
    some = sa.select(key).where(where).limit(limit).with_for_update(skip_locked=True)
    return connection.execute(sa.delete(key.class_).where(key.in_(some))).rowcount


@contextmanager
def savepoint(connection: sa.Connection) -> Iterator[None]:
    """Undo in the database what was done within, where an exception leaves it."""
    connection.exec_driver_sql(SAVEPOINT)
    try:
        yield
    except BaseException:
        if not connection.invalidated:
            connection.exec_driver_sql(UNDO)
        raise
    connection.exec_driver_sql(RELEASE)
