"""Aborting jobs, whatever they are doing."""

import time

import pytest

from tests.acceptance.scripts import ENDLESS, saying
from tests.processes import having, until
from tests.server import messages

SUSPEND = {"enabled": True, "condition": "start", "type": "suspend"}


@pytest.fixture(scope="module")
def reason(server):
    """Why jobs end that the admin key aborts."""
    job_id = server.run(ENDLESS)
    server.wait_for_state(job_id, "active")
    server.call("abort_job", id=job_id)
    text = server.wait(job_id)["description"]
    assert text.startswith("Manually aborted by API Key: ")
    return text


def test_an_active_job(server, reason):
    job_id = server.run("#!/bin/sh\necho 'long job start'\nsleep 600\necho never\n")
    server.wait_for_log(job_id, "start")
    assert server.post("abort_job", {"id": job_id}).json() == {"code": 0}
    job = server.wait(job_id)
    assert (job["code"], job["description"], job["complete"]) == ("abort", reason, True)
    assert job["output"] == "long job start\n"
    assert job["tags"] == ["_error", "_last"]
    told = messages(job)[7:]
    assert told[0] == "Aborting job on server"
    assert told[1].startswith(f"Killing all job processes: {job['pid']}, ")
    assert told[2:] == [
        "Child exited with code: SIGTERM",
        "Job is finishing",
        "Executing job error action: snapshot",
        f"Taking snapshot of server: #{job['server']}",
        f"Job aborted: {reason}",
    ]


def test_an_active_job_that_ignores_sigterm(server, reason):
    job_id = server.run("#!/bin/sh\ntrap '' TERM\necho up\nwhile :; do sleep 0.1; done\n")
    server.wait_for_log(job_id, "up")
    began = time.monotonic()
    server.call("abort_job", id=job_id)
    job = server.wait(job_id)
    assert time.monotonic() - began < 5
    assert any(text.startswith("Children did not exit, killing harder: ") for text in messages(job))
    assert "Child exited with code: SIGKILL" in messages(job)
    assert job["description"] == reason


def test_aborting_twice_changes_nothing(server, reason):
    job_id = server.run("#!/bin/sh\ntrap '' TERM\necho up\nwhile :; do sleep 0.1; done\n")
    server.wait_for_log(job_id, "up")
    for _ in range(3):
        server.call("abort_job", id=job_id)
    job = server.wait(job_id)
    assert messages(job).count("Aborting job on server") == 1
    assert job["description"] == reason


def test_a_finishing_job(server, reason):
    # Files with two links are copied, which takes long enough to be seen.
    then = "truncate -s 400M big; ln big other"
    job_id = server.run(saying({"files": ["big"]}, then=then))
    until(lambda: server.job(job_id)["state"] == "finishing", what="state finishing")
    server.call("abort_job", id=job_id)
    job = server.wait(job_id, seconds=60)
    assert (job["code"], job["description"]) == ("abort", reason)
    server.call("delete_job", id=job_id)


def test_a_delayed_job_starts_when_its_time_has_come(server):
    job_id = server.run("#!/bin/sh\ntrue\n", state="start_delay", until=time.time() + 1)
    job = server.wait(job_id)
    assert job["code"] == 0
    assert "Moving job state from {start_delay} to {ready}" in messages(job)
    assert job["started"] - job["now"] >= 0.9


def test_a_result_that_was_reported_before_the_abort_stays(server):
    script = saying({"complete": True, "code": 0}, "reported", then="sleep 600")
    job_id = server.run(script)
    server.wait_for_log(job_id, "reported")
    server.wait(job_id, lambda job: job.get("complete"))
    server.call("abort_job", id=job_id)
    assert server.wait(job_id)["code"] == 0


def test_children_that_left_their_session_are_ended_too(server):
    marker = f"60{time.time_ns() % 10**9}"
    script = f"#!/bin/bash\nsetsid sleep {marker} &\n(setsid sleep {marker} &)\necho up\nwait\n"
    job_id = server.run(script)
    server.wait_for_log(job_id, "up")
    until(lambda: len(having(f"sleep {marker}")) == 2)
    server.call("abort_job", id=job_id)
    server.wait(job_id)
    assert having(f"sleep {marker}") == []


def test_a_finished_job_and_an_unknown_one_are_refused(server):
    job = server.run_and_wait("#!/bin/sh\ntrue\n")
    for job_id, status in ((job["id"], 409), ("jnosuchjob", 404)):
        response = server.post("abort_job", {"id": job_id})
        assert response.status_code == status
        assert response.json() == {
            "code": "job",
            "description": f"Job not found or is no longer active: {job_id}",
        }


def test_many_jobs_aborted_at_once_all_end(server, reason):
    event = server.event(ENDLESS)
    jobs = [server.run(id=event) for _ in range(20)]
    for job_id in jobs:
        server.call("abort_job", id=job_id)
    assert {server.wait(job_id)["description"] for job_id in jobs} == {reason}
    assert [row["id"] for row in server.call("get_active_jobs", event=event)["rows"]] == []
