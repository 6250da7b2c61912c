"""Daily counts: what may happen only so often a day, counted in the database."""

import hashlib
import time
from datetime import date

import sqlalchemy as sa

from core import clock
from models.database import db
from models.request_count import RequestCount

_DAY_SECONDS = 86400
#: Counts that are deleted at a time; more than one errand adds.
_MOST_FORGOTTEN = 10


def take(errand_id: str, kind: str, key: str, most: float) -> bool:
    """Count one more use today, by the local day; false where there were `most` before.

    However often an errand is repeated, it counts once. Zero is no limit.
    """
    if most <= 0:
        return True
    uses, mark = _subject(kind, key), _subject(kind, key, errand_id)

    def work(connection: sa.Connection) -> bool:
        RequestCount.forget(connection, clock.now(), _MOST_FORGOTTEN)
        if _count(connection, mark) > 1:
            return True
        is_left = _count(connection, uses) <= most
        if not is_left:
            RequestCount.decrease(connection, uses)
            RequestCount.drop(connection, mark)
        return is_left

    return db.write(work, shared=True)


def forget(connection: sa.Connection, kind: str, key: str) -> None:
    """Forget the uses of something that is no more."""
    RequestCount.drop(connection, _subject(kind, key))


def _count(connection: sa.Connection, subject: str) -> int:
    # The clock is read here, where on SQLite nobody else writes, so that no count goes back.
    now = clock.now()
    day = time.localtime(now)
    number = date(day.tm_year, day.tm_mon, day.tm_mday).toordinal()
    return RequestCount.increase(connection, subject, number, now + 2 * _DAY_SECONDS)


def _subject(*words: str) -> str:
    digest = hashlib.sha256("\0".join(words).encode("utf-8", "replace")).hexdigest()
    return f"day:{digest}"
