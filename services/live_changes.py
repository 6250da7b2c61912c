"""What callers change of live jobs at once: the end of a delay, and who hears of the end."""

from typing import Any

import sqlalchemy as sa

from core import clock, json
from core.errors import BadRequest, Conflict
from models.database import db
from models.job import Job
from services import audit, doorbell, job_views
from services.access import Caller
from services.hosts import our_name
from services.job_changes import live_row
from services.transitions import DELAYS, activity

Document = dict[str, Any]


def skip_delay(job_id: str, caller: Caller) -> None:
    """End the delay of a job that waits for its start or its retry; the engine goes on at once."""

    def work(connection: sa.Connection) -> None:
        row = live_row(connection, job_id, f"Job not found: {job_id}")
        caller.check(job_views.live_document(row))
        if row.state not in DELAYS or not row.until:
            raise Conflict(f"Job is not in a delay state: {job_id}", code="job")
        now = clock.now()
        entry = activity(f"Job delay was manually skipped by user: {caller.name}", our_name())
        Job.patch(connection, job_id, columns={"until": now}, doc={"until": now}, activity=[entry])
        audit.record(connection, caller, "job_skip_delay", job_id, [job_id])

    db.write(work)
    doorbell.ring()


def toggle_notice(job_id: str, caller: Caller) -> bool:
    """Have mail sent to the caller when a live job completes, or not any more; true if so now."""
    if not caller.email:
        raise BadRequest("User has no email address set.", code="job")
    notice = {
        "condition": "complete",
        "type": "email",
        "email": caller.email,
        "users": [],
        "enabled": True,
        "hidden": True,
    }

    def work(connection: sa.Connection) -> bool:
        row = live_row(connection, job_id, f"Job not found: {job_id}")
        caller.check(job_views.live_document(row))
        before: list[Document] = json.loads(row.doc).get("actions") or []
        after = [action for action in before if not _is_same(action, notice)]
        is_added = len(after) == len(before)
        what = "added to" if is_added else "removed from"
        entry = activity(f"User {what} job notify list: {caller.name}", our_name())
        actions = [*after, notice] if is_added else after
        Job.patch(connection, job_id, doc={"actions": actions}, activity=[entry])
        audit.record(connection, caller, "job_toggle_notify", job_id, [job_id], added=is_added)
        return is_added

    is_added = db.write(work)
    doorbell.ring()
    return is_added


def _is_same(action: Document, notice: Document) -> bool:
    """Whether an action is the caller's notice, whatever else an engine has noted in it."""
    return all(action.get(key) == notice[key] for key in ("type", "email", "hidden"))
