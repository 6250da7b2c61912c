"""Statements that are built once and run many times: building one costs more than running it."""

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
    dialect = postgresql if connection.dialect.name == "postgresql" else sqlite
    statement = dialect.insert(table).values(values).on_conflict_do_nothing()
    return connection.execute(statement.returning(*table.primary_key)).first() is not None


def delete_some(
    connection: sa.Connection, key: Any, where: sa.ColumnElement[bool], limit: int
) -> int:
    """Delete at most `limit` rows that nobody holds, named by the column `key`; how many it was."""
    some = sa.select(key).where(where).limit(limit).with_for_update(skip_locked=True)
    return connection.execute(sa.delete(key.class_).where(key.in_(some))).rowcount
