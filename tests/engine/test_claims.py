"""Claims: what a row leads to, and where its outcome is written."""

import pytest

from core import clock, json
from engine import claims
from engine.claims import Claim
from engine.errand_worker import Done
from engine.turn import Turn
from models.database import db
from models.errand import Errand
from models.job import Job
from services.errand import Outcome
from tests.factories import add_job, finish_job, load


def action(**changes):
    kept = {"type": "run_event", "condition": "success", "enabled": True, "active": True}
    return kept | {"date": clock.now() - 2, "event_id": "e1"} | changes


def claimed(app, job_id, *given):
    """Claim errands; their ids."""

    def work(connection):
        turn = Turn(connection, app.config)
        claims.insert(turn, job_id, given)
        return turn.claimed

    return [errand.id for errand in db.write(work)]


def record(app, errand_id, **outcome):
    done = Done(errand_id, Outcome({"code": 0, "description": "Did it."}, **outcome), clock.now())
    return db.write(lambda connection: claims.record(Turn(connection, app.config), done))


def rows():
    return db.read(Errand.all)


def test_an_outcome_stands_in_the_action_and_is_recorded_once(app):
    first, second = action(), action(type="disable")
    job_id = add_job(state="complete", actions=[first, second])
    (errand,) = claimed(app, job_id, Claim("disable", "success", 1, second))
    assert record(app, errand, texts=["Told."]) == job_id
    row = load(job_id)
    before, after = json.loads(row.doc)["actions"]
    assert before == first
    assert (after["code"], after["description"]) == (0, "Did it.")
    assert 2000 <= after["elapsed_ms"] < 60_000
    assert "active" not in after
    assert [entry["msg"] for entry in json.loads(row.activity)] == ["Told."]
    assert rows() == []
    assert record(app, errand) is None
    assert load(job_id) == row


def test_an_action_that_has_moved_is_found(app):
    mine = action()
    job_id = add_job(state="complete", actions=[action(type="tag", date=1.0), mine])
    (errand,) = claimed(app, job_id, Claim("run_event", "success", 1, mine))
    db.write(lambda c: Job.patch(c, job_id, doc={"actions": [mine]}))
    record(app, errand)
    assert json.loads(load(job_id).doc)["actions"][0]["code"] == 0


def test_the_outcome_of_an_action_that_is_gone_leaves_the_others_alone(app):
    job_id = add_job(state="complete", actions=[action()])
    (errand,) = claimed(app, job_id, Claim("run_event", "success", 0, action()))
    others = [action(date=5.0)]
    db.write(lambda c: Job.patch(c, job_id, doc={"actions": others}))
    assert record(app, errand, texts=["Told."]) == job_id
    assert json.loads(load(job_id).doc)["actions"] == others
    assert rows() == []


@pytest.mark.parametrize("is_deleted", [True, False])
def test_an_errand_whose_job_is_over_is_forgotten(app, is_deleted):
    job_id = add_job(state="complete", actions=[action()])
    (errand,) = claimed(app, job_id, Claim("run_event", "success", 0, action()))
    if is_deleted:
        db.write(lambda c: Job.delete(c, job_id))
    else:
        finish_job(job_id)
    before = load(job_id)
    assert record(app, errand) is None
    assert load(job_id) == before
    assert rows() == []


def test_outcomes_add_to_what_others_added(app):
    mine = action()
    files = [{"filename": "a"}]
    job_id = add_job(
        state="starting",
        actions=[mine, mine | {"date": 7.0}],
        jobs=[{"id": "j1", "reason": "action"}],
        job_input={"data": {"a": 1, "b": 1}, "files": files},
    )
    ids = claimed(
        app,
        job_id,
        Claim("run_event", "start", 0, mine),
        Claim("run_event", "start", 1, mine | {"date": 7.0}),
    )
    record(app, ids[0], job={"jobs": [{"id": "j2", "reason": "action"}]})
    more = {"data": {"b": 2}, "files": [{"filename": "b"}]}
    record(app, ids[1], job={"input": more, "tickets": ["t1"]})
    row = load(job_id)
    doc = json.loads(row.doc)
    assert [entry["id"] for entry in doc["jobs"]] == ["j1", "j2"]
    assert doc["tickets"] == ["t1"]
    assert json.loads(row.input) == {
        "data": {"a": 1, "b": 2},
        "files": [{"filename": "a"}, {"filename": "b"}],
    }


@pytest.mark.parametrize(("condition", "name"), [("limited", "limits"), ("suspended", "actions")])
def test_a_notice_is_told_in_the_details_of_what_it_is_about(app, condition, name):
    entry = {"type": "time", "date": clock.now(), "code": 0, "details": "### Before\n"}
    job_id = add_job(state="active", **{name: [entry]})
    ids = claimed(
        app,
        job_id,
        Claim("email", condition, 0, entry),
        Claim("web_hook", condition, 0, entry),
    )
    record(app, ids[0])
    outcome = Outcome({"code": "webhook", "description": "No.", "details": "At length.\n"})
    done = Done(ids[1], outcome, clock.now())
    db.write(lambda c: claims.record(Turn(c, app.config), done))
    (after,) = json.loads(load(job_id).doc)[name]
    assert after["code"] == 0
    assert after["details"] == (
        "### Before\n\n### Email Details:\n\n- **Did it.**\n\n### Web Hook Details:\n\nAt length.\n"
    )


def test_each_receiver_has_a_line_of_its_own():
    lines = [
        claims.claimed("x", "j", "web_hook", {"web_hook": "w1"}).receiver,
        claims.claimed("x", "j", "web_hook", {"web_hook": "w2"}).receiver,
        claims.claimed("x", "j", "email", {"email": "a@b.c"}).receiver,
    ]
    assert len(set(lines)) == 3
