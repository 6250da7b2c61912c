"""Retries: failed jobs run again, as often as their event says."""

from itertools import pairwise

from tests.acceptance.scripts import ENDLESS
from tests.server import messages


def retry(**changes):
    return {"type": "retry", "enabled": True, "amount": 2} | changes


def attempts(server, job):
    """A job and its retries, each complete."""
    found = [job]
    while found[-1].get("retried"):
        (link,) = found[-1]["jobs"]
        assert link["reason"] == "retry"
        found.append(server.wait(link["id"]))
    return found


def test_a_job_that_fails_is_tried_again_until_its_limit(server):
    tag = {"type": "tag", "condition": "error", "enabled": True, "tags": ["flag"]}
    event = server.event("#!/bin/sh\ncat; exit 3\n", limits=[retry()], actions=[tag])
    first = server.run_and_wait(id=event, input={"data": {"n": 1}}, label="kept")
    jobs = attempts(server, first)
    assert [job["code"] for job in jobs] == [3, 3, 3]
    assert [job.get("retry_count", 0) for job in jobs] == [0, 1, 2]
    assert [job.get("retry_prev") for job in jobs[1:]] == [jobs[0]["id"], jobs[1]["id"]]
    assert [job["label"] for job in jobs] == ["kept"] * 3
    assert [job["input"]["data"] for job in jobs] == [{"n": 1}] * 3
    # Only the last one counts as the end.
    assert [("_retried" in job["tags"], "_last" in job["tags"]) for job in jobs] == [
        (True, False),
        (True, False),
        (False, True),
    ]
    assert ["flag" in job["tags"] for job in jobs] == [False, False, True]
    assert messages(jobs[0])[-3:-1] == [
        "Launching retry #1 of 2",
        f"Launched job for retry: #{jobs[1]['id']}",
    ]
    assert "Reached retry limit (2), will not retry job." in messages(jobs[2])
    assert [len(job["limits"]) for job in jobs] == [1] * 3


def test_a_retry_waits_for_its_delay_which_grows(server):
    limit = retry(duration=0.2, backoff=3, jitter=0)
    jobs = attempts(server, server.run_and_wait(id=server.event("exit 1", limits=[limit])))
    waits = [after["started"] - before["completed"] for before, after in pairwise(jobs)]
    assert 0.15 < waits[0] < waits[1]
    assert waits[1] > 0.55
    assert "Moving job state from {retry_delay} to {ready}" in messages(jobs[1])


def test_what_a_caller_aborts_is_not_tried_again(server):
    job_id = server.run(id=server.event(ENDLESS, limits=[retry()]))
    server.wait_for_state(job_id, "active")
    server.call("abort_job", id=job_id)
    job = server.wait(job_id)
    assert (job["code"], "retried" in job) == ("abort", False)


def test_what_a_limit_aborts_is_tried_again_with_the_limit_armed_again(server):
    limits = [
        {"type": "time", "enabled": True, "duration": 0.5, "abort": True},
        retry(amount=1),
    ]
    jobs = attempts(server, server.run_and_wait(id=server.event(ENDLESS, limits=limits)))
    assert [job["code"] for job in jobs] == ["abort", "abort"]
    assert all("date" in job["limits"][0] for job in jobs)


def test_a_success_is_the_end(server):
    job = server.run_and_wait(id=server.event("true", limits=[retry()]))
    assert (job["code"], "retried" in job, "_last" in job["tags"]) == (0, False, True)


def test_an_event_that_was_disabled_meanwhile_is_not_tried_again(server):
    event = server.event("sleep 0.7; exit 1", limits=[retry()])
    job_id = server.run(id=event)
    server.wait_for_state(job_id, "active")
    server.call("update_event", id=event, enabled=False)
    job = server.wait(job_id)
    assert "retried" not in job
    assert any(text.startswith("Failed to launch event for retry: ") for text in messages(job))
