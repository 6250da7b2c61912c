"""The transaction log: every change by a caller is recorded in the transaction that makes it."""

from collections.abc import Iterable
from typing import Any

import sqlalchemy as sa

from core import clock
from core.ids import new_id
from models.database import db
from models.transaction import Transaction
from services.access import OPERATOR, Caller

#: The longest keyword that the database keeps; ids are shorter.
_MAX_KEYWORD_CHARS = 255


def warn(text: str, keywords: Iterable[str]) -> None:
    """Record what nobody did and somebody should know of."""
    db.write(lambda connection: record(connection, OPERATOR, "warning", text, keywords))


def record(
    connection: sa.Connection,
    caller: Caller,
    action: str,
    description: str,
    keywords: Iterable[str] = (),
    **extra: Any,
) -> None:
    """Record what `caller` does; call it inside the transaction that does it.

    `keywords` are what the record is found by beside the caller and its addresses: ids of what
    is changed. `extra` are further members of the record, such as a snapshot; no secrets.
    """
    origin = caller.origin()
    words = [caller.run_username, *origin["ips"], *keywords]
    Transaction.add(
        connection,
        {
            **extra,
            "id": new_id("a"),
            "action": action,
            "description": description,
            "epoch": clock.now(),
            "username": caller.run_username,
            **origin,
            "keywords": [word for word in words if len(word) <= _MAX_KEYWORD_CHARS],
        },
    )
