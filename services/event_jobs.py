"""The finished jobs of an event, where all are meant at once."""

from functools import partial

import sqlalchemy as sa
from flask import current_app

from core import blobs
from core.aside import aside
from models.database import db
from models.job import Job
from services import files, job_files

#: A deleted job: its id, its number, and the paths of the uploads that went with it.
_Deleted = tuple[str, int, list[str]]

#: How many jobs are deleted in one transaction, so that other writers get their turns.
_BATCH = 50


def delete_finished(event_id: str) -> None:
    """Delete all finished jobs of an event, with their logs and files."""
    instance = current_app.config["INSTANCE_PATH"]
    last_seq = 0
    while jobs := db.write(partial(_delete_batch, event_id=event_id, last_seq=last_seq)):
        for job_id, seq, uploads in jobs:
            aside(blobs.delete_job_blobs, instance, job_id)
            files.delete_from_disk(uploads)
            last_seq = seq


def _delete_batch(connection: sa.Connection, event_id: str, last_seq: int) -> list[_Deleted]:
    """Delete the next finished jobs after `last_seq`."""
    query = sa.select(Job.id, Job.seq, Job.heavy).where(
        Job.event == event_id, Job.final == 1, Job.seq > last_seq
    )
    rows = connection.execute(query.order_by(Job.seq).limit(_BATCH)).all()
    deleted: list[_Deleted] = []
    for row in rows:
        deleted.append((row.id, row.seq, job_files.release_inputs(connection, row)))
        Job.delete(connection, row.id)
    return deleted
