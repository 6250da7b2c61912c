"""Late messages: what a process tells of a job that has ended changes nothing, and is noted."""

from typing import Any

from core import json
from engine import records
from engine.records import Batch
from engine.turn import Turn
from models.job import Job
from services import job_views
from services.transitions import Row, activity

FINAL = "WARNING: Received final job update post-completion."
OTHER = "WARNING: Received job update post-completion."


def note(turn: Turn, row: Any, batch: Batch) -> None:
    """Note in the activity of an ended job, once, that its process had more to tell.

    `row` has at least the columns `id`, `final`, `server` and `activity`.
    """
    if not batch.messages:
        return
    text = FINAL if any(map(records.reports_end, batch.messages)) else OTHER
    entry = activity(text, row.server or "")
    if row.final:
        _note_in_record(turn, row.id, entry)
    elif text not in (row.activity or ""):
        Job.patch(turn.connection, row.id, activity=[entry])


def _note_in_record(turn: Turn, job_id: str, entry: Row) -> None:
    row = Job.load(turn.connection, job_id)
    if row is None:
        return
    record = job_views.record_of(row)
    told = record.get("activity", [])
    if entry["msg"] not in json.dumps(told):
        record["activity"] = [*told, entry]
        Job.revise(turn.connection, row, *job_views.split_record(record))
