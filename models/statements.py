"""Statements that are built once and run many times: building one costs more than running it."""

from functools import cache
from typing import Any

import sqlalchemy as sa

#: The parameter that names the row.
KEY = "key"


@cache
def select_by_id(table: sa.Table, names: tuple[str, ...]) -> sa.Select[Any]:
    """Select these columns of the row with the id `KEY`; no names: all columns."""
    columns = [table.c[name] for name in names] if names else list(table.c)
    return sa.select(*columns).where(table.c.id == sa.bindparam(KEY))


@cache
def update_by_id(table: sa.Table, names: tuple[str, ...]) -> sa.Update:
    """Set these columns of the row with the id `KEY`, from parameters named `new_COLUMN`."""
    values: dict[str, Any] = {name: sa.bindparam(f"new_{name}") for name in names}
    return sa.update(table).where(table.c.id == sa.bindparam(KEY)).values(values)


def new_values(values: dict[str, Any]) -> dict[str, Any]:
    """The parameters of `update_by_id()`."""
    return {f"new_{name}": value for name, value in values.items()}
