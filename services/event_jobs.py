"""The finished jobs of an event, where all are meant at once."""

from functools import partial

import sqlalchemy as sa
from flask import current_app

from core import blobs
from models.database import db
from models.job import Job

#: How many jobs are deleted in one transaction, so that other writers get their turns.
_BATCH = 50


def delete_finished(event_id: str) -> None:
    """Delete all finished jobs of an event, with their logs and files."""
    instance = current_app.config["INSTANCE_PATH"]
    last_seq = 0
    while jobs := db.write(partial(_delete_batch, event_id=event_id, last_seq=last_seq)):
        for job_id, seq in jobs:
            blobs.delete_job_blobs(instance, job_id)
            last_seq = seq


def _delete_batch(connection: sa.Connection, event_id: str, last_seq: int) -> list[tuple[str, int]]:
    """Delete the next finished jobs after `last_seq`; returns their ids and numbers."""
    query = sa.select(Job.id, Job.seq).where(
        Job.event == event_id, Job.final == 1, Job.seq > last_seq
    )
    rows = connection.execute(query.order_by(Job.seq).limit(_BATCH)).all()
    for row in rows:
        Job.delete(connection, row.id)
    return [(row.id, row.seq) for row in rows]
