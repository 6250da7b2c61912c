"""What lies in the folders of an instance, to be compared with what the database knows."""

import os
import time
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import islice
from pathlib import Path

from core import trees
from core.spool import FOLDER as INCOMING
from core.stored_files import JOBS

#: Younger things may belong to somebody who has not committed yet, seconds.
GRACE_SECONDS = 3600.0
_WORK = "_work"


@dataclass(frozen=True)
class Leaving:
    """A file or folder, and the name under which the database would know it."""

    name: str
    path: Path

    @property
    def is_old(self) -> bool:
        """Whether neither it nor what lies directly in it was changed lately."""
        since = time.time() - GRACE_SECONDS
        try:
            return all(path.lstat().st_mtime < since for path in (self.path, *_children(self.path)))
        except FileNotFoundError:
            return False

    def delete(self) -> None:
        """Delete it; that it is gone already is no error."""
        if self.path.is_dir() and not self.path.is_symlink():
            trees.delete(self.path)
        else:
            self.path.unlink(missing_ok=True)


def incoming(instance: Path) -> Iterator[Leaving]:
    """Files that are arriving, or were when their process was killed."""
    for path in _children(instance / "files" / INCOMING):
        yield Leaving(path.name, path)


def uploads(instance: Path) -> Iterator[Leaving]:
    """Files that callers uploaded, each in its secret folder, by their keys."""
    for owner in _children(instance / "files"):
        if owner.name not in (INCOMING, JOBS):
            for folder in _children(owner):
                name = next((path.name for path in _children(folder)), "")
                yield Leaving(f"files/{owner.name}/{folder.name}/{name}", folder)


def files_of_jobs(instance: Path) -> Iterator[Leaving]:
    """The folders of jobs' files, by the jobs' ids."""
    for path in _children(instance / "files" / JOBS):
        yield Leaving(path.name, path)


def logs(instance: Path) -> Iterator[Leaving]:
    """Logs of jobs in all their forms, by the jobs' ids."""
    for folder in _children(instance / "logs"):
        for path in _children(folder):
            yield Leaving(path.name.partition(".")[0], path)


def runs(instance: Path) -> Iterator[Leaving]:
    """The folders of runs and those in which they work, by the launches' ids."""
    for job in _children(instance / "runs"):
        for path in _children(job):
            yield Leaving(path.name.removesuffix(_WORK), path)
        _remove_empty(job)


def _remove_empty(folder: Path) -> None:
    """Remove a folder that has long been empty; a new one is about to get something."""
    try:
        if folder.lstat().st_mtime < time.time() - GRACE_SECONDS:
            folder.rmdir()
    except OSError:
        return


def batches(found: Iterator[Leaving], size: int) -> Iterator[list[Leaving]]:
    """The same in lists of up to so many."""
    while batch := list(islice(found, size)):
        yield batch


def _children(folder: Path) -> Iterator[Path]:
    """What lies in a folder; nothing where there is no such folder."""
    try:
        entries = os.scandir(folder)
    except (FileNotFoundError, NotADirectoryError):
        return
    with entries:
        for entry in entries:
            yield Path(entry.path)
