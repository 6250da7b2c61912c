"""An abort leaves no process behind, whatever the job's children did to hide."""

import time

from tests.processes import having, until
from tests.server import messages

HIDERS = """#!/bin/bash
trap '' TERM
# In a session of its own, deaf to SIGTERM.
setsid bash -c "trap '' TERM; exec -a hidden-$marker sleep 1000" &
# Forked twice, so that its parent is gone, in a session of its own.
(setsid bash -c "trap '' TERM; exec -a hidden-$marker sleep 1000" > /dev/null 2>&1 &)
# With an environment of its own: it has nothing of the job's variables.
(env -i setsid bash -c "trap '' TERM; exec -a hidden-$marker sleep 1000" < /dev/null > /dev/null 2>&1 &)
# One that goes on making children.
setsid bash -c "trap '' TERM; while :; do exec -a hidden-$marker sleep 0.2 & wait; (sleep 1000; : hidden-$marker) & sleep 0.05; done" &
echo up
while :; do sleep 1; done
"""


def test_children_that_hide_are_found_and_killed(house):
    marker = f"m{time.time_ns()}"
    job_id = house.run(id=house.event(HIDERS), params={"marker": marker})
    house.wait_for_log(job_id, "up")
    until(lambda: len(having(f"hidden-{marker}")) >= 4, what="start of the hiders")
    house.call("abort_job", id=job_id)
    job = house.wait(job_id)
    # At once, without any patience: the job is complete when nothing of it is left.
    assert having(f"hidden-{marker}") == []
    assert job["code"] == "abort"
    assert any(text.startswith("Children did not exit, killing harder: ") for text in messages(job))
    assert [pid for pid in house.job_processes()] == []


def test_an_abort_right_after_the_start_leaves_nothing(house):
    marker = f"m{time.time_ns()}"
    event = house.event(HIDERS)
    jobs = [house.run(id=event, params={"marker": marker}) for _ in range(5)]
    for job_id in jobs:
        house.call("abort_job", id=job_id)
    for job_id in jobs:
        assert house.wait(job_id)["code"] == "abort"
    assert having(f"hidden-{marker}") == []
    assert house.job_processes() == []


def test_an_abort_that_the_engine_does_not_survive_is_done_by_the_next(house):
    marker = f"m{time.time_ns()}"
    job_id = house.run(id=house.event(HIDERS), params={"marker": marker})
    house.wait_for_log(job_id, "up")
    engine = house.engine
    house.call("abort_job", id=job_id)
    import os
    import signal

    os.kill(engine, signal.SIGKILL)
    job = house.wait(job_id)
    assert job["code"] == "abort"
    assert having(f"hidden-{marker}") == []
