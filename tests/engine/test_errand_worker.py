"""Threads for errands: one that hangs or fails holds up nobody."""

import threading
from collections import Counter

import pytest

from core import clock
from engine import claims, errand_worker
from engine.claims import Claim
from engine.deliveries import Deliveries
from engine.errand_worker import ErrandWorker
from engine.turn import Turn
from models.database import db
from services.errand import Interrupted, Outcome
from tests.factories import add_job, finish_job
from tests.processes import until


class Office:
    """A worker whose errands are done by tests, and what it delivered."""

    def __init__(self, app, monkeypatch):
        self.app = app
        self.done = []
        self.begun = Counter()
        self.gate = threading.Event()
        self.deliveries = Deliveries(lambda: None)
        self.worker = ErrandWorker(app, self.deliveries, self.record, self.run)
        monkeypatch.setattr(errand_worker, "ERRANDS", {"web_hook": self.perform})

    def record(self, _turn, done):
        self.done.append(done)

    def run(self, _errand, process):
        """A launcher that is taken away before it has run the first process."""
        self.begun["run"] += 1
        if self.begun["run"] == 1:
            raise Interrupted
        return process

    def perform(self, errand):
        hook = errand.action["web_hook"]
        self.begun[hook] += 1
        if hook == "hangs":
            assert self.gate.wait(30)
        if hook == "fails":
            raise ZeroDivisionError
        if hook == "runs":
            errand.run(errand, None)
        return Outcome({"code": 0, "description": errand.job["id"]})

    def claim(self, job_id, *hooks):
        def work(connection):
            turn = Turn(connection, self.app.config)
            date = {"date": clock.now()}
            given = [
                Claim("web_hook", "success", 0, {"type": "web_hook", "web_hook": hook} | date)
                for hook in hooks
            ]
            claims.insert(turn, job_id, given)
            return turn.claimed

        return db.write(work)

    def take(self, count):
        """Wait for so many outcomes, and have them recorded."""

        def look():
            for _, call in self.deliveries.take():
                turn = Turn(None, {})
                call(turn)
                for effect in turn.after:
                    effect()
            return len(self.done) >= count

        until(look, 20, f"{count} outcomes, so far {self.done}")
        return self.done


@pytest.fixture
def office(app, monkeypatch):
    made = Office(app, monkeypatch)
    yield made
    # Its threads must not ask for a database that is closed by then.
    made.worker.drop()
    made.gate.set()
    until(lambda: not made.worker._lines, 20, "errands that are still under way")


def test_an_errand_is_done_with_its_job(office):
    job_id = add_job(state="complete")
    (errand,) = office.claim(job_id, "fine")
    office.worker.submit([errand])
    (done,) = office.take(1)
    assert (done.id, done.outcome.result) == (errand.id, {"code": 0, "description": job_id})


def test_a_receiver_that_hangs_holds_up_no_other_one(office):
    job_id = add_job(state="complete")
    office.worker.submit(office.claim(job_id, *["hangs"] * 20))
    until(lambda: office.begun["hangs"] == 8, what="eight at the one that hangs")
    office.worker.submit(office.claim(job_id, *["fine"] * 20))
    office.take(20)
    assert office.begun == {"hangs": 8, "fine": 20}
    office.gate.set()
    office.take(40)
    assert office.begun["hangs"] == 20


def test_a_defect_is_an_outcome(office):
    office.worker.submit(office.claim(add_job(state="complete"), "fails", "fine"))
    codes = {done.outcome.result["code"] for done in office.take(2)}
    assert codes == {"internal", 0}


def test_an_errand_that_is_under_way_is_not_begun_again(office):
    errands = office.claim(add_job(state="complete"), "hangs")
    for _ in range(3):
        office.worker.submit(errands)
    office.gate.set()
    office.take(1)
    assert office.begun["hangs"] == 1


def test_an_errand_whose_process_was_lost_sight_of_is_begun_again(office):
    office.worker.submit(office.claim(add_job(state="complete"), "runs"))
    (done,) = office.take(1)
    assert (done.outcome.result["code"], office.begun["runs"]) == (0, 2)


def test_what_was_not_begun_is_dropped_when_another_engine_leads(office):
    errands = office.claim(add_job(state="complete"), *["hangs"] * 10)
    office.worker.submit(errands)
    until(lambda: office.begun["hangs"] == 8, what="eight at the one that hangs")
    office.worker.drop()
    office.gate.set()
    office.take(8)
    assert office.begun["hangs"] == 8
    office.worker.submit(errands)
    office.take(10)
    assert office.begun["hangs"] >= 10


def test_an_errand_of_a_job_that_is_over_is_done_with_its_record(office):
    job_id = add_job(state="complete")
    errands = office.claim(job_id, "fine")
    finish_job(job_id)
    office.worker.submit(errands)
    (done,) = office.take(1)
    assert done.outcome.result["description"] == job_id


def test_an_errand_without_a_job_is_not_done(office):
    errands = office.claim("jnosuchjob", "fine")
    office.worker.submit(errands)
    (done,) = office.take(1)
    assert done.outcome is None
    assert office.begun == {}
