"""Rates: how often a key may call and a password may be tried, counted in the database."""

import hashlib
import math

import sqlalchemy as sa

from core import clock, javascript
from core.errors import TooManyRequests
from models.database import db
from models.request_count import RequestCount
from services.access import Caller

#: Logins in a period, for each user name and for each address.
_MAX_PER_USER = 10
_MAX_PER_ADDRESS = 50
_LOGIN_PERIOD_SECONDS = 300
#: Counts that are deleted at a time; more than a login adds.
_MOST_FORGOTTEN = 100


def count_request(caller: Caller) -> None:
    """Count a request of a key; raises `TooManyRequests` when it is one too many this second."""
    counted = db.write(lambda connection: _count(connection, _subject_of(caller.id), 1))
    if counted > caller.max_per_sec:
        shown = javascript.to_string(caller.max_per_sec)
        text = f"API Key has exceeded rate limit ({shown}/sec)"
        raise TooManyRequests(text, headers={"Retry-After": "1"})


def forget_key(connection: sa.Connection, key_id: str) -> None:
    """Forget what was counted for a key that is no more."""
    RequestCount.drop(connection, _subject_of(key_id))


def count_login(username: str, address: str) -> None:
    """Count an attempt to log in, before it is looked at; raises `TooManyRequests`.

    So attempts that come at the same time are not more than those that come one by one.
    """
    subjects = _login_subjects(username, address)

    def work(connection: sa.Connection) -> bool:
        # Everybody counts in the same order, and cleans up last without waiting: no deadlocks.
        counts = [_count(connection, subject, _LOGIN_PERIOD_SECONDS) for subject, _ in subjects]
        RequestCount.forget(connection, clock.now(), _MOST_FORGOTTEN)
        return any(count > most for count, (_, most) in zip(counts, subjects, strict=True))

    if db.write(work):
        wait = _LOGIN_PERIOD_SECONDS - clock.now() % _LOGIN_PERIOD_SECONDS
        text = "Too many failed logins, please try again later."
        raise TooManyRequests(text, headers={"Retry-After": str(math.ceil(wait))})


def forgive_login(connection: sa.Connection, username: str, address: str) -> None:
    """Take back an attempt that was right: only others count."""
    for subject, _most in _login_subjects(username, address):
        RequestCount.decrease(connection, subject)


def _count(connection: sa.Connection, subject: str, seconds: int) -> int:
    # The clock is read here, where on SQLite nobody else writes, so that no count goes back.
    period = int(clock.now() // seconds)
    return RequestCount.increase(connection, subject, period, float((period + 2) * seconds))


def _subject_of(key_id: str) -> str:
    return f"key:{key_id}"


def _login_subjects(username: str, address: str) -> list[tuple[str, int]]:
    return [
        (f"user:{_digest(username)}", _MAX_PER_USER),
        (f"address:{_digest(address)}", _MAX_PER_ADDRESS),
    ]


def _digest(text: str) -> str:
    return hashlib.sha256(text.encode("utf-8", "replace")).hexdigest()
