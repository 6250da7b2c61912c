"""Idempotency keys: one job for one key, whoever is first, for as long as it counts."""

import threading

import pytest

from core.errors import BadRequest, Conflict, Forbidden
from models.database import db
from models.idempotency_key import IdempotencyKey
from models.job import Job
from services import doorbell, runs
from tests.factories import ADMIN, application, limited, stored_event
from tests.services.test_runs import Upload


def run(event, key, caller=ADMIN, uploads=(), **wishes):
    return runs.run({"id": event["id"], **wishes}, uploads, caller, key)


def jobs_count():
    return len(db.read(lambda connection: connection.execute(Job.__table__.select()).all()))


def stored_files(app):
    return [path for path in (app.config["INSTANCE_PATH"] / "files").rglob("*") if path.is_file()]


def test_the_same_request_brings_the_same_job(app):
    event = stored_event()
    first = run(event, "k", params={"a": 1, "b": 2})
    assert run(event, "k", params={"b": 2, "a": 1}) == first
    assert run(event, "other") != first
    assert run(event, None) != run(event, None)
    assert jobs_count() == 4


def test_other_events_and_callers_have_keys_of_their_own(app):
    one, other = stored_event(), stored_event()
    caller = limited(privileges=["run_jobs"])
    assert len({run(one, "k"), run(other, "k"), run(one, "k", caller)}) == 3


def test_a_key_for_another_request_is_a_conflict(app):
    event = stored_event()
    run(event, "k", uploads=[Upload("a.txt", b"1")])
    for again in ({"label": "x"}, {"uploads": [Upload("a.txt", b"12")]}, {}):
        with pytest.raises(Conflict, match="used before"):
            run(event, "k", **again)
    assert jobs_count() == 1


def test_a_refused_run_takes_no_key(app):
    event = stored_event()
    with pytest.raises(BadRequest):
        run(event, "k", tags=["nosuchtag"])
    assert run(event, "k")


def test_who_lost_access_learns_nothing(app):
    event = stored_event()
    run(event, "k", limited())
    with pytest.raises(Forbidden):
        run(event, "k", limited(categories=["other"]))


def test_callers_who_race_get_one_job_and_the_losers_files_are_gone(app):
    event = stored_event()
    uploads = [[Upload("in.txt", b"12345")] for _ in range(8)]
    ids, barrier = [], threading.Barrier(len(uploads))
    # An application has one ringer; threads that are first together would make one each.
    doorbell.ring()

    def race(files):
        with app.app_context():
            barrier.wait()
            ids.append(run(event, "k", uploads=files))

    threads = [threading.Thread(target=race, args=(files,)) for files in uploads]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(ids) == len(uploads)
    assert len(set(ids)) == 1
    assert jobs_count() == 1
    assert len(stored_files(app)) == 1


def test_keys_end_and_are_forgotten_in_steps(tmp_path, template_database):
    with application(tmp_path, template_database, IDEMPOTENCY_LIFETIME=0.0):
        event = stored_event()
        assert run(event, "k") != run(event, "k")
        run(event, "other")
        assert db.read(lambda connection: IdempotencyKey.any_before(connection, 1e12))
        counts = [
            db.write(lambda connection: IdempotencyKey.forget(connection, 1e12, 1))
            for _ in range(3)
        ]
        assert counts == [1, 1, 0]
        assert not db.read(lambda connection: IdempotencyKey.any_before(connection, 1e12))
