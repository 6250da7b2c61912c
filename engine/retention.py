"""Continuous clean-up: deletes what is too old or too much, in transactions of milliseconds."""

import time
from collections.abc import Callable
from functools import partial

from core.config import Settings
from models import database
from models.database import db
from models.transaction import Transaction
from services import job_removal, retention, statistics

#: After a transaction there is a rest of so many times what it took: others want to write, too.
_REST = 2.0
_ROWS_AT_ONCE = 100
_PAGES_AT_ONCE = 200


def tidy(settings: Settings, ends: float, rest: Callable[[float], bool]) -> None:
    """Clean up until there is nothing to do, or until `ends` by the monotonic clock.

    `rest` waits for some seconds; it returns true when this is to end.
    """
    while time.monotonic() < ends:
        started = time.monotonic()
        if not any(step(settings) for step in _STEPS):
            return
        if rest(_REST * (time.monotonic() - started)):
            return


def remove_jobs(settings: Settings) -> bool:
    """Delete the next jobs that are not to be kept; false when there are none."""
    for rule in db.read(lambda connection: retention.rules(connection, settings)):
        ids = db.read(partial(retention.overdue, rule=rule))
        if ids:
            removed = db.write(partial(job_removal.remove_some, job_ids=sorted(ids)))
            job_removal.clear(settings["INSTANCE_PATH"], removed)
            return True
    return False


def trim_activities(settings: Settings) -> bool:
    """Delete the next records of the transaction log that are not to be kept."""
    most = settings["RETENTION_ACTIVITIES"]
    if not most or db.read(Transaction.span) <= most:
        return False
    db.write(lambda connection: Transaction.trim(connection, most, _ROWS_AT_ONCE))
    return True


def forget_counts(_settings: Settings) -> bool:
    """Delete the next statistics that are too old."""
    if not db.read(statistics.any_old):
        return False
    db.write(lambda connection: statistics.forget(connection, _ROWS_AT_ONCE))
    return True


def shrink(_settings: Settings) -> bool:
    """Give pages of the database back that nothing uses, where these are many."""
    if not db.read(database.is_loose):
        return False
    db.write(lambda connection: database.shrink(connection, _PAGES_AT_ONCE))
    return True


_STEPS = (remove_jobs, trim_activities, forget_counts, shrink)
