"""Actions on events: to run another one, to disable or delete the job's own."""

from typing import Any

from core.errors import ApiError
from models.database import db
from models.event import Event
from services import child_runs, doorbell, job_events
from services.errand import Errand, Outcome
from services.orders import delay_seconds

Document = dict[str, Any]


def run_event(errand: Errand) -> Outcome:
    """Launch another event with this job's output as its input."""
    action = errand.action
    event_id = str(action.get("event_id"))
    event = db.read(lambda connection: Event.get(connection, event_id))
    texts = [] if event is None else [f"Running custom event: {event['title']}"]
    try:
        delay = delay_seconds(action.get("start_delay"))
        child = child_runs.launch(errand, event_id, _params(action), delay)
    except ApiError as error:
        return Outcome({"code": "event", "description": error.description}, texts)
    result = {
        "code": 0,
        "description": f"Successfully launched job: {child}",
        "loc": f"#Job?id={child}",
    }
    return Outcome(result, texts, {"jobs": [{"id": child, "reason": "action"}]})


def _params(action: Document) -> Document:
    params = action.get("params")
    return params if isinstance(params, dict) else {}


def disable(errand: Errand) -> Outcome:
    """Disable the job's event."""
    job = errand.job
    db.write(lambda connection: job_events.change(connection, job, {"enabled": False}))
    doorbell.ring()
    result = {
        "code": 0,
        "description": "Successfully disabled event.",
        "loc": f"#Events?id={job['event']}",
    }
    return Outcome(result, ["Disabling event for action"])


def delete(errand: Errand) -> Outcome:
    """Delete the job's event."""
    db.write(lambda connection: job_events.delete(connection, errand.job))
    doorbell.ring()
    result = {"code": 0, "description": "Successfully deleted event."}
    return Outcome(result, ["Deleting event for action"])
