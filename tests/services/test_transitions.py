"""The table of states, and moving a job along it."""

import itertools

import pytest

from core import json
from models.database import db
from services.transitions import DELAYS, NEXT, RUNNING, State, move
from tests.factories import add_job, load


def go(job_id, before, after, **changes):
    changes |= {"by": "m:us"}
    return db.write(lambda connection: move(connection, job_id, before, after, **changes))


def told(job_id):
    return [entry["msg"] for entry in json.loads(load(job_id).activity)]


def test_a_move_changes_the_state_and_tells(app):
    job_id = add_job()
    assert go(job_id, State.READY, State.QUEUED)
    assert load(job_id).state == "queued"
    assert told(job_id) == ["Moving job state from {ready} to {queued}"]


@pytest.mark.parametrize(
    ("before", "after"),
    [(State.READY, State.STARTING), (State.ACTIVE, State.FINISHING)],
)
def test_some_moves_are_silent(app, before, after):
    job_id = add_job(state=before)
    assert go(job_id, before, after)
    assert told(job_id) == []


def test_only_one_of_two_moves_from_the_same_state_succeeds(app):
    job_id = add_job()
    assert go(job_id, State.READY, State.QUEUED)
    assert not go(job_id, State.READY, State.STARTING)
    assert load(job_id).state == "queued"
    assert len(told(job_id)) == 1


def test_a_missing_job_does_not_move(app):
    assert not go("jnosuchjob", State.READY, State.QUEUED)


@pytest.mark.databases("sqlite")
def test_only_ways_of_the_table_exist(app):
    for before, after in itertools.product(State, State):
        job_id = add_job(state=before)
        if after in NEXT[before]:
            assert go(job_id, before, after)
            continue
        with pytest.raises(ValueError, match="no way from"):
            go(job_id, before, after)
        assert load(job_id).state == before


def test_every_state_but_the_last_has_a_way_to_the_end():
    assert all(State.COMPLETE in NEXT[state] for state in State if state is not State.COMPLETE)
    assert NEXT[State.COMPLETE] == frozenset()


def test_entries_follow_that_of_the_move_and_changes_go_along(app):
    job_id = add_job(state="starting", suspended=True)
    rows = [{"msg": "one"}, {"msg": "two"}]
    assert go(
        *(job_id, State.STARTING, State.ACTIVE),
        rows=rows,
        columns={"launch": "l1"},
        doc={"remote": True},
        live={"progress": 0},
        drop=("suspended",),
    )
    row = load(job_id)
    assert told(job_id) == ["Moving job state from {starting} to {active}", "one", "two"]
    assert (row.launch, json.loads(row.live)) == ("l1", {"progress": 0})
    doc = json.loads(row.doc)
    assert doc["remote"] is True
    assert "suspended" not in doc


def test_a_job_counts_against_limits_while_it_runs_and_waits_to_run_only():
    assert set(RUNNING) == {State.STARTING, State.ACTIVE}
    assert all(State.READY in NEXT[state] for state in DELAYS)
