"""Changing jobs: named keys only, never a final job, never for another launch."""

import pytest

from core import json
from models import live_jobs, live_lists
from models.database import db
from models.job import Job
from tests.factories import add_job, finish_job, load


def patch(job_id, **changes):
    return db.write(lambda connection: Job.patch(connection, job_id, **changes))


def test_a_patch_changes_the_named_keys_and_no_others(app):
    job_id = add_job(label="old", notes="kept")
    before = load(job_id)
    assert patch(
        job_id,
        doc={"label": "new"},
        live={"progress": 0.5},
        results={"data": {"a": 1}},
        columns={"server": "s1"},
        activity=[{"msg": "first"}],
    )
    assert patch(job_id, live={"status": "x"}, activity=[{"msg": "second"}, {"msg": "third"}])
    row = load(job_id)
    doc = json.loads(row.doc)
    assert (doc["label"], doc["notes"]) == ("new", "kept")
    assert json.loads(row.live) == {"progress": 0.5, "status": "x"}
    assert json.loads(row.results) == {"data": {"a": 1}}
    assert [entry["msg"] for entry in json.loads(row.activity)] == ["first", "second", "third"]
    assert row.server == "s1"
    assert row.revision == before.revision + 2


@pytest.mark.parametrize("known", [{}, {"label": "read before"}])
def test_a_patch_takes_results_that_were_read_before(app, known):
    job_id = add_job()
    assert patch(job_id, results=known)
    assert patch(job_id, results={"data": 1}, known_results=known)
    assert json.loads(load(job_id).results) == known | {"data": 1}
    assert patch(job_id, doc={"label": "new"}, known_results=known)
    assert json.loads(load(job_id).doc)["label"] == "new"
    assert json.loads(load(job_id).results) == known | {"data": 1}


def test_a_patch_drops_keys(app):
    job_id = add_job(suspended=True, label="kept")
    assert patch(job_id, drop=("suspended", "nosuchkey"))
    doc = json.loads(load(job_id).doc)
    assert "suspended" not in doc
    assert doc["label"] == "kept"


def test_a_patch_of_a_final_or_missing_job_does_nothing(app):
    job_id = add_job()
    finish_job(job_id)
    revision = load(job_id).revision
    assert not patch(job_id, doc={"label": "late"})
    assert not patch("jnosuchjob", doc={"label": "late"})
    assert load(job_id).revision == revision


def test_a_patch_is_refused_in_other_states(app):
    job_id = add_job(state="active", columns={"launch": "l2"})
    assert not patch(job_id, doc={"label": "x"}, states=("ready", "queued"))
    assert patch(job_id, doc={"label": "y"}, states=("active",))
    assert json.loads(load(job_id).doc)["label"] == "y"


def test_positions_count_ordinary_jobs_and_priority_has_none(app):
    ids = [add_job(state="queued", event="eq") for _ in range(3)]
    urgent = add_job(state="queued", event="eq", priority=True)
    other = add_job(state="queued", event="eother")
    expected = {**dict(zip(ids, (1, 2, 3), strict=True)), urgent: 0, other: 1}
    entries = db.read(lambda connection: live_lists.entries_after(connection, {}, 0, 10))
    assert db.read(lambda connection: live_lists.places(connection, entries)) == expected
    some = [entry for entry in entries if entry.id in (ids[1], other)]
    assert db.read(lambda c: live_lists.places(c, some)) == {ids[1]: 2, other: 1}
    for job_id, position in expected.items():
        row = load(job_id)
        assert db.read(lambda connection: live_jobs.position(connection, row)) == position  # noqa: B023


def test_the_head_of_a_queue_is_the_oldest_or_the_first_urgent(app):
    first = add_job(state="queued", event="eq")
    add_job(state="queued", event="eq")
    head = db.read(lambda connection: live_jobs.queue_head(connection, "eq--"))
    assert head.id == first
    urgent = add_job(state="queued", event="eq", priority=True)
    head = db.read(lambda connection: live_jobs.queue_head(connection, "eq--"))
    assert head.id == urgent
    assert db.read(lambda connection: live_jobs.queue_head(connection, "enone--")) is None


def test_each_queue_key_is_named_once(app):
    for event in ("e2", "e1", "e2", "e3"):
        add_job(state="queued", event=event)
    add_job(state="active", event="e4")
    assert db.read(live_jobs.queue_keys) == ["e1--", "e2--", "e3--"]


def test_flushing_takes_queued_jobs_of_one_event_only(app):
    queued = add_job(state="queued", event="e1")
    others = [add_job(state="active", event="e1"), add_job(state="queued", event="e2")]
    assert db.write(lambda connection: live_jobs.delete_queued(connection, "e1")) == 1
    assert load(queued) is None
    assert all(load(job_id) is not None for job_id in others)


@pytest.mark.parametrize("column", ["until", "due"])
def test_what_is_due_is_found_when_its_time_has_come(app, column):
    early = add_job(state="active", columns={column: 100.0})
    add_job(state="active", columns={column: 200.0})
    add_job(state="active")
    assert db.read(live_jobs.next_moment) == 100.0
    assert db.read(lambda connection: live_jobs.past(connection, column, 99.0)) == []
    rows = db.read(lambda connection: live_jobs.past(connection, column, 150.0))
    assert [row.id for row in rows] == [early]
