"""Removing jobs: their rows in one transaction, what they have on disk after its commit."""

import time
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import sqlalchemy as sa
from flask import current_app

from core import blobs, stored_files
from core.aside import aside
from models.database import db
from models.file_use import FileUse
from models.job import Job
from services import job_files

#: A transaction removes no further job after this, so that other writers get their turns, seconds.
LONGEST_SECONDS = 0.01


@dataclass(frozen=True)
class Removed:
    """A job without rows: its id, and the paths of the uploads that went with it."""

    job: str
    uploads: Sequence[str]


def remove(connection: sa.Connection, job_id: str) -> Removed:
    """Delete all that the database has of a job; `clear()` follows after the commit."""
    uploads = job_files.release_inputs(connection, job_id)
    FileUse.delete_all(connection, job_id)
    Job.delete(connection, job_id)
    return Removed(job_id, uploads)


def remove_some(connection: sa.Connection, job_ids: Iterable[str]) -> list[Removed]:
    """Remove jobs as long as that takes no time that others would notice; at least one.

    Give them in the order of their ids, which is about that of their rows: SQLite's full-text index
    writes what it has gathered whenever a row comes before the last one, and merges that later.
    """
    ends = time.monotonic() + LONGEST_SECONDS
    removed: list[Removed] = []
    for job_id in job_ids:
        removed.append(remove(connection, job_id))
        if time.monotonic() > ends:
            break
    return removed


def remove_all(job_ids: Sequence[str]) -> None:
    """Remove finished jobs in as many transactions as it takes, and clear up after each."""
    left = sorted(job_ids)
    while left:
        removed = db.write(partial(remove_some, job_ids=tuple(left)))
        clear(current_app.config["INSTANCE_PATH"], removed)
        del left[: len(removed)]


def clear(instance: Path, removed: Sequence[Removed]) -> None:
    """Delete what removed jobs have on disk; where a crash prevents this, the engine's sweep does.

    Elsewhere than in the event loop, because a large file takes its time.
    """
    if removed:
        aside(_clear, instance, removed)


def _clear(instance: Path, removed: Sequence[Removed]) -> None:
    for item in removed:
        blobs.delete_job_blobs(instance, item.job)
        for path in item.uploads:
            stored_files.delete_file(instance, path)
