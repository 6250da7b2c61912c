"""Reading the transaction log: the history of an event, and all that callers did."""

from collections.abc import Iterator, Sequence
from functools import partial
from typing import Any

import sqlalchemy as sa

from core import json
from core.errors import NotFound
from models.database import db
from models.event import Event
from models.transaction import Search, Transaction
from services.access import Caller

Document = dict[str, Any]
#: Records as JSON texts, some at a time, because each may hold a whole event; and their number.
Page = tuple[Iterator[list[str]], int]

_EVENT_ACTIONS = ("event_create", "event_update", "event_delete")
#: Where a change came from is for administrators.
_NOT_IN_HISTORY = ("ip", "ips", "headers")
#: How many records are in memory at a time.
_CHUNK = 20


def event_history(event_id: str, caller: Caller, **page: Any) -> Page:
    """One page of the changes of an event, each with the event as it was then."""

    def find(connection: sa.Connection) -> tuple[list[int], int]:
        event = Event.get(connection, event_id)
        if event is None:
            raise NotFound(f"Event not found: {event_id}", code="event")
        caller.check(event)
        wanted = Search(actions=_EVENT_ACTIONS, keywords=(event_id,))
        return Transaction.search(connection, wanted, **page)

    numbers, count = db.read(find)
    chunks = ([_for_history(record) for record in records] for records in _chunks(numbers))
    return (list(map(json.dumps, records)) for records in chunks), count


def search(
    action: Sequence[str],
    username: Sequence[str],
    keywords: Sequence[str],
    since: float | None,
    until: float | None,
    **page: Any,
) -> Page:
    """One page of the records by any of the actions and callers, with all of the keywords."""
    wanted = Search(action, username, keywords, since, until)
    numbers, count = db.read(lambda connection: Transaction.search(connection, wanted, **page))
    return (list(map(json.dumps, records)) for records in _chunks(numbers)), count


def _chunks(numbers: Sequence[int]) -> Iterator[list[Document]]:
    for start in range(0, len(numbers), _CHUNK):
        chunk = numbers[start : start + _CHUNK]
        yield db.read(partial(Transaction.load, numbers=chunk))


def _for_history(record: Document) -> Document:
    """A record without where the change came from."""
    words = [word for word in record["keywords"] if word not in record["ips"]]
    shown = {key: value for key, value in record.items() if key not in _NOT_IN_HISTORY}
    return shown | {"keywords": words}
