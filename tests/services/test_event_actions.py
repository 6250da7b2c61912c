"""Actions on events: children that are launched once, and the job's own event."""

import pytest

from core import json
from models.database import db
from models.event import Event
from models.job import Job
from services import event_actions
from services.errand import Errand
from tests.factories import job_document, load, stored_event

FIELD = {"id": "name", "type": "text", "title": "Name", "value": "nobody"}
FILE = {"id": "f1", "filename": "out.txt", "path": "files/jobs/j1/x/out.txt", "size": 3}


@pytest.fixture(autouse=True)
def _context(app):
    """Errands are done with an application context."""


def errand(app, *, job=None, **action):
    parent = stored_event(username="ann")
    document = job_document("jparent", event=parent["id"], username="bob", **(job or {}))
    return Errand("x1", "success", action, document, app.config)


def fetch(event_id):
    return db.read(lambda connection: Event.get(connection, event_id))


def count_jobs():
    return db.read(lambda c: len(c.execute(Job.__table__.select()).all()))


def test_a_child_gets_the_output_of_its_parent_as_input(app):
    child = stored_event(title="Child", fields=[FIELD])
    job = {"code": 0, "description": "", "data": {"a": 1}, "files": [FILE], "tickets": ["t1"]}
    given = errand(app, job=job, event_id=child["id"], params={"name": "carl", "script": "evil"})
    outcome = event_actions.run_event(given)
    (entry,) = outcome.job["jobs"]
    assert outcome.texts == ["Running custom event: Child"]
    assert outcome.result == {
        "code": 0,
        "description": f"Successfully launched job: {entry['id']}",
        "loc": f"#Job?id={entry['id']}",
    }
    row = load(entry["id"])
    document = json.loads(row.doc)
    assert json.loads(row.input) == {"data": {"a": 1}, "files": [FILE]}
    assert (document["source"], document["username"]) == ("action", "ann")
    own = given.job["event"]
    assert document["parent"] == {"job": "jparent", "event": own, "code": 0, "description": ""}
    assert document["params"]["name"] == "carl"
    assert document["params"]["script"] == child["params"]["script"]
    assert document["tickets"] == ["t1"]
    assert "Source: Action" in row.activity


def test_a_repeated_errand_launches_no_second_child(app):
    child = stored_event()
    given = errand(app, event_id=child["id"])
    first = event_actions.run_event(given)
    # Not even when the child is gone, and its event can't be run any more.
    db.write(lambda connection: Job.delete(connection, first.job["jobs"][0]["id"]))
    db.write(lambda connection: Event.replace(connection, child | {"enabled": False}))
    assert event_actions.run_event(given) == first
    assert count_jobs() == 0


def test_a_child_may_start_later(app):
    child = stored_event()
    outcome = event_actions.run_event(errand(app, event_id=child["id"], start_delay=60))
    row = load(outcome.job["jobs"][0]["id"])
    assert row.state == "start_delay"
    assert row.until - row.started == pytest.approx(60, abs=5)
    assert "Job will be delayed for 1 minute" in row.activity


@pytest.mark.parametrize(
    ("changes", "text"),
    [
        (None, "Event not found: nosuch"),
        ({"triggers": []}, "Event does not allow manual job runs: {id}"),
        ({"enabled": False}, "Failed to launch event: Event is disabled: {title}"),
        ({"category": "nosuch"}, "Failed to launch event: Category not found: nosuch"),
        (
            {"fields": [FIELD | {"value": "", "required": True}]},
            "Failed to launch event: Event: Parameter 'name' is required.",
        ),
    ],
)
def test_a_child_that_can_not_be_launched(app, changes, text):
    child = {"id": "nosuch"} if changes is None else stored_event(**changes)
    outcome = event_actions.run_event(errand(app, event_id=child["id"]))
    assert outcome.result == {"code": "event", "description": text.format(**child)}
    assert outcome.job == {}
    assert count_jobs() == 0


def test_a_job_disables_its_event_once(app):
    given = errand(app)
    outcome = event_actions.disable(given)
    assert outcome.texts == ["Disabling event for action"]
    assert outcome.result["description"] == "Successfully disabled event."
    assert outcome.result["loc"] == f"#Events?id={given.job['event']}"
    assert event_actions.disable(given) == outcome
    event = fetch(given.job["event"])
    assert (event["enabled"], event["revision"]) == (False, 2)


def test_a_job_deletes_its_event_once(app):
    given = errand(app)
    outcome = event_actions.delete(given)
    assert outcome.texts == ["Deleting event for action"]
    assert outcome.result == {"code": 0, "description": "Successfully deleted event."}
    assert event_actions.delete(given) == outcome
    assert fetch(given.job["event"]) is None
