"""The finished jobs of an event, where all are meant at once."""

from collections.abc import Sequence
from functools import partial
from typing import Any

import sqlalchemy as sa

from models.database import db
from models.job import Job
from services import job_removal

#: How many jobs are looked for at once.
_BATCH = 50


def delete_finished(event_id: str) -> None:
    """Delete all finished jobs of an event, with their logs and files."""
    last_seq = 0
    while rows := db.read(partial(_next, event_id=event_id, after=last_seq)):
        job_removal.remove_all([row.id for row in rows])
        last_seq = rows[-1].seq


def _next(connection: sa.Connection, event_id: str, after: int) -> Sequence[Any]:
    """Id and number of the next finished jobs of an event."""
    query = sa.select(Job.id, Job.seq).where(Job.event == event_id, Job.final == 1, Job.seq > after)
    return connection.execute(query.order_by(Job.seq).limit(_BATCH)).all()
