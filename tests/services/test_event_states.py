"""What the scheduler remembers of events: set through events, never part of them."""

import pytest

from models.database import db
from models.event_state import EventState
from services import events
from tests.factories import ADMIN, event


@pytest.fixture(autouse=True)
def _application(app):
    """All of these need a database."""


def state(event_id):
    return db.read(lambda connection: EventState.get(connection, event_id))


def test_a_new_event_may_bring_its_state():
    events.create(event(id="e1"), ADMIN, {"cursor": 60})
    events.create(event(id="e2"), ADMIN)

    assert state("e1") == {"cursor": 60}
    assert state("e2") == {}


def test_updates_set_single_keys_and_leave_the_event_alone():
    events.create(event(id="e1"), ADMIN, {"cursor": 60, "nth": 2})
    updated = events.update({"id": "e1", "update_state": {"nth": 5}}, ADMIN)

    assert "update_state" not in updated
    assert state("e1") == {"cursor": 60, "nth": 5}


def test_a_deleted_events_state_goes_with_it():
    events.create(event(id="e1"), ADMIN, {"cursor": 60})
    events.delete("e1", ADMIN)
    events.create(event(id="e1"), ADMIN)

    assert state("e1") == {}
