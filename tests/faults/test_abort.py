"""An abort leaves no process behind, whatever the job's children did to hide."""

import os
import signal
import time

from tests.processes import having, until
from tests.server import messages

HIDERS = """#!/bin/bash
trap '' TERM
hide="trap '' TERM; exec -a hidden-$marker sleep 1000"
# In a session of its own, deaf to SIGTERM.
setsid bash -c "$hide" &
# Forked twice, so that its parent is gone, in a session of its own, holding no pipe.
(setsid bash -c "$hide" < /dev/null > /dev/null 2>&1 &)
# With an environment of its own: it has nothing of the job's variables.
(env -i PATH="$PATH" setsid bash -c "$hide" < /dev/null > /dev/null 2>&1 &)
# One that goes on making children.
setsid bash -c "trap '' TERM; while :; do (exec -a hidden-$marker sleep 1000) & sleep 0.1; done" &
echo up
while :; do sleep 1; done
"""


def test_children_that_hide_are_found_and_killed(server):
    marker = f"m{time.time_ns()}"
    job_id = server.run(id=server.event(HIDERS), params={"marker": marker})
    server.wait_for_log(job_id, "up")
    until(lambda: len(having(f"hidden-{marker}")) >= 4, what="start of the hiders")
    server.call("abort_job", id=job_id)
    job = server.wait(job_id)
    # At once, without any patience: the job is complete when nothing of it is left.
    assert having(f"hidden-{marker}") == []
    assert job["code"] == "abort"
    assert any(text.startswith("Children did not exit, killing harder: ") for text in messages(job))
    assert server.job_processes() == []


def test_an_abort_right_after_the_start_leaves_nothing(server):
    marker = f"m{time.time_ns()}"
    event = server.event(HIDERS)
    jobs = [server.run(id=event, params={"marker": marker}) for _ in range(5)]
    for job_id in jobs:
        server.call("abort_job", id=job_id)
    for job_id in jobs:
        assert server.wait(job_id)["code"] == "abort"
    assert having(f"hidden-{marker}") == []
    assert server.job_processes() == []


def test_an_abort_that_the_engine_does_not_survive_is_done_by_the_next(server):
    marker = f"m{time.time_ns()}"
    job_id = server.run(id=server.event(HIDERS), params={"marker": marker})
    server.wait_for_log(job_id, "up")
    engine = server.engine
    server.call("abort_job", id=job_id)
    os.kill(engine, signal.SIGKILL)
    job = server.wait(job_id)
    assert job["code"] == "abort"
    assert having(f"hidden-{marker}") == []
