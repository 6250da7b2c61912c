"""What nothing refers to any more: uploads whose time is over, and what a crash left on disk."""

import time
from collections.abc import Callable, Iterator
from pathlib import Path

import sqlalchemy as sa

from core import clock, leavings, stored_files
from core.leavings import Leaving
from models.database import db
from models.errand import Errand
from models.file_use import FileUse
from models.job import Job, is_live
from models.stored_file import StoredFile

#: So many expired files are deleted at once, and so many names on disk are looked up.
_AT_ONCE = 200
#: How much longer an expired file stays that a live job needs, seconds.
_LONGER_SECONDS = 3600.0
#: Pause after the whole disk was looked through, seconds.
_PAUSE_SECONDS = 3600.0
_DONE = object()

#: Which of these names the database knows.
_Known = Callable[[sa.Connection, list[str]], set[str]]


def expire(instance: Path) -> None:
    """Delete some of the uploads whose time is over and that no live job needs."""
    now = clock.now()
    if not db.read(lambda connection: StoredFile.any_expired(connection, now)):
        return

    def work(connection: sa.Connection) -> list[str]:
        expired = StoredFile.expired(connection, now, _AT_ONCE)
        needed = FileUse.by_live_jobs(connection, expired)
        StoredFile.postpone(connection, needed, now + _LONGER_SECONDS)
        StoredFile.delete(connection, expired.keys() - needed)
        return [path for seq, path in expired.items() if seq not in needed]

    for path in db.write(work):
        stored_files.delete_file(instance, path)


class Sweep:
    """Goes through the instance's folders in small steps, again and again.

    What a process that was killed after its commit did not delete, or stored for a commit that
    never came, is deleted when it is old enough to belong to nobody.
    """

    def __init__(self, instance: Path) -> None:
        self._instance = instance
        self._steps = self._round()
        #: By the monotonic clock.
        self._resting_until = 0.0

    def step(self) -> None:
        """Look at the next few names; does nothing for an hour after the last ones."""
        if time.monotonic() < self._resting_until:
            return
        if next(self._steps, _DONE) is _DONE:
            self._steps = self._round()
            self._resting_until = time.monotonic() + _PAUSE_SECONDS

    def _round(self) -> Iterator[object]:
        """Everything once, a few names at a time."""
        kinds: list[tuple[Iterator[Leaving], _Known]] = [
            (leavings.incoming(self._instance), _none),
            (leavings.uploads(self._instance), StoredFile.known),
            (leavings.files_of_jobs(self._instance), _jobs),
            (leavings.logs(self._instance), _jobs),
            (leavings.runs(self._instance), _launches),
        ]
        for found, known in kinds:
            for batch in leavings.batches(found, _AT_ONCE):
                self._delete_unknown(batch, known)
                yield None

    def _delete_unknown(self, batch: list[Leaving], known: _Known) -> None:
        wanted = sorted({item.name for item in batch})
        names = db.read(lambda connection: known(connection, wanted))
        for item in batch:
            if item.name not in names and item.is_old:
                item.delete()


def _none(_connection: sa.Connection, _names: list[str]) -> set[str]:
    return set()


def _jobs(connection: sa.Connection, ids: list[str]) -> set[str]:
    return set(connection.scalars(sa.select(Job.id).where(Job.id.in_(ids))))


def _launches(connection: sa.Connection, names: list[str]) -> set[str]:
    """The launches of live jobs, and of their errands: what has ended has nothing more to say."""
    query = sa.select(Job.launch).where(is_live(), Job.launch.in_(names))
    return {*filter(None, connection.scalars(query)), *Errand.known(connection, names)}
