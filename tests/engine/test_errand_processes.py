"""Processes of errands: run by a real launcher, for a thread, by a loop that is a test's."""

import selectors
import threading
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import replace

import pytest

from core import json
from engine.deliveries import Deliveries
from engine.errand_processes import ErrandProcesses
from engine.fleet import Fleet
from engine.turn import Turn
from models.database import db
from models.errand import Errand as ErrandRow
from services.errand import Errand, Interrupted, Process
from tests.factories import add_job
from tests.processes import all_pids, environment, kill, until

pytestmark = pytest.mark.databases("sqlite")

PATH = {"PATH": "/usr/bin:/bin"}
PROCESS = Process(["/bin/sh", "-c"], None, PATH, "in\n", ("hidden",), "", "", "", 60)


class House:
    """A fleet with a launcher of its own, and the loop that serves it."""

    def __init__(self, app):
        self.app = app
        self.instance = app.config["INSTANCE_PATH"]
        self.selector = selectors.DefaultSelector()
        self.fleet = Fleet(self.instance, self.selector)
        self.deliveries = Deliveries(lambda: None)
        self.processes = ErrandProcesses(self.instance, self.fleet, self.deliveries, 0.2)
        self.pool = ThreadPoolExecutor(4)
        self.is_over = threading.Event()

    def run(self, command, condition="success", seconds=60.0, job_id=None):
        """What comes of a command as an errand, in the future; the errand's id."""
        job_id = job_id or add_job(state="complete")
        row = {"id": f"x{job_id}", "job": job_id, "type": "plugin", "condition": condition}
        row |= {"place": 0, "doc": "{}"}
        db.write(lambda connection: ErrandRow.insert(connection, [row]))
        return self.again(row["id"], condition, job_id, command, seconds)

    def again(self, errand_id, condition, job_id, command, seconds=60.0):
        errand = Errand(errand_id, condition, {}, {"id": job_id}, {})
        process = replace(PROCESS, argv=[*PROCESS.argv, command], seconds=seconds)
        return self.pool.submit(self.processes.run, errand, process), errand_id

    def serve(self):
        """Turns, until the test is over."""
        with self.app.app_context():
            self.fleet.connect(1)
            while not self.is_over.is_set():
                if self.fleet.is_broken:
                    self.fleet.connect(1)
                    self._turn(lambda turn: self.fleet.recover(turn, None))
                for _, call in self.deliveries.take():
                    self._turn(call)
                self.selector.select(0.01)
                self.fleet.receive()
            self.fleet.disconnect()

    def _turn(self, call):
        turn = Turn(None, self.app.config)

        def work(connection):
            turn.connection = connection
            call(turn)

        db.write(work)
        for effect in turn.after:
            effect()

    def launcher(self):
        newest = max(self.instance.glob("launchers/*/info"))
        return json.loads(newest.read_text())["pid"]

    def processes_of(self, errand_id):
        marker = f"SWITCHYARD_LAUNCH={errand_id}".encode()
        return [pid for pid in all_pids() if marker in environment(pid)]


@pytest.fixture
def house(app):
    with _served(House(app)) as house:
        yield house


@contextmanager
def _served(house):
    loop = threading.Thread(target=house.serve)
    loop.start()
    try:
        yield house
    finally:
        house.is_over.set()
        loop.join()
        house.pool.shutdown()
        for child in house.fleet._connections._children:
            child.kill()
            child.wait()


def test_a_process_ends_by_itself(house):
    said = """echo '{"xy":1,"code":1}'; echo text hidden; cat; echo '{"xy":1,"code":2}'"""
    ran = house.run(f"{said}; echo oh >&2; exit 3")[0].result(20)
    assert (ran.ended, ran.failure, ran.message) == (3, None, {"xy": 1, "code": 2})
    assert sorted(ran.output.split()) == ["********", "in", "oh", "text"]
    assert ran.errors == "oh\n"


def test_the_same_errand_is_run_once(house):
    first, errand_id = house.run("echo first")
    ran = first.result(20)
    again, _ = house.again(errand_id, "success", errand_id[1:], "echo again")
    assert again.result(20) == ran
    assert ran.output == "first\n"


def test_what_takes_too_long_is_killed_with_all_that_it_started(house):
    future, errand_id = house.run("trap '' TERM; (setsid sleep 600 &) ; sleep 600", seconds=0.3)
    assert future.result(20).failure == "Plugin took longer than 0 seconds."
    assert house.processes_of(errand_id) == []


def test_an_abort_kills_the_processes_of_its_job(house):
    future, errand_id = house.run("sleep 600 & wait")
    until(lambda: house.processes_of(errand_id), what="the process")
    other, _ = house.run("sleep 0.5")
    house.deliveries.put(
        ("j", lambda turn: turn.after.append(lambda: house.fleet.abort_guests(errand_id[1:], 0)))
    )
    assert "aborted" in future.result(20).failure
    assert house.processes_of(errand_id) == []
    assert other.result(20).failure is None


def test_a_start_that_was_aborted_is_not_begun(house):
    future, errand_id = house.run("echo never", condition="start")
    assert "aborted" in future.result(20).failure
    assert not (house.instance / "runs" / errand_id).exists()


def test_what_can_not_be_started_says_why(house):
    job_id = add_job(state="complete")
    future, _ = house.run("x", job_id=job_id)
    future.result(20)
    errand = Errand(f"x{job_id}2", "success", {}, {"id": job_id}, {})
    row = {"id": errand.id, "job": job_id, "type": "plugin", "condition": "success"}
    db.write(lambda c: ErrandRow.insert(c, [row | {"place": 0, "doc": "{}"}]))
    ran = house.processes.run(errand, replace(PROCESS, argv=["/no/such/program"]))
    assert ran.failure.startswith("Plugin could not be started: No such file")


def test_an_errand_that_is_recorded_is_not_run(house):
    future, _ = house.again("xgone", "success", add_job(), "echo never")
    with pytest.raises(Interrupted):
        future.result(20)


def test_who_loses_the_lead_follows_no_process(house):
    future, errand_id = house.run("sleep 600")
    until(lambda: house.processes_of(errand_id), what="the process")
    house.is_over.set()
    with pytest.raises(Interrupted):
        future.result(20)


@pytest.mark.parametrize("deaths", [1, 2])
def test_a_process_whose_launcher_dies_is_begun_anew_but_not_for_ever(house, deaths):
    ledger = house.instance / "ledger"
    future, _ = house.run(f"echo run >> {ledger}; sleep 0.5")
    for number in range(1, deaths + 1):
        until(lambda: ledger.exists() and ledger.read_text() == "run\n" * number)  # noqa: B023
        kill(house.launcher())
    ran = future.result(20)
    assert (ran.failure or "").startswith("The plugin's process" if deaths == 2 else "")
    assert ledger.read_text() == "run\n" * 2
