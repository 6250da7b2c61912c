"""Concurrency limits and queues."""

import threading

import httpx
import pytest

from tests.acceptance.scripts import ENDLESS
from tests.processes import until
from tests.server import messages

FULL = "Maximum number of concurrent jobs for event has been reached"


def limits(jobs, queue=None):
    chosen = [{"type": "job", "enabled": True, "amount": jobs}]
    return chosen + ([{"type": "queue", "enabled": True, "amount": queue}] if queue else [])


@pytest.fixture
def busy(server):
    """An event whose one place is taken, with a queue; and the job that holds the place."""
    event = server.event(ENDLESS, limits=limits(1, 3))
    first = server.run(id=event)
    server.wait_for_state(first, "active")
    yield event, first
    server.call("flush_event_queue", id=event)
    for job_id in [row["id"] for row in server.call("get_active_jobs", event=event)["rows"]]:
        server.post("abort_job", {"id": job_id})


def test_without_a_queue_the_next_job_is_aborted(server):
    event = server.event(ENDLESS, limits=limits(1))
    first = server.run(id=event)
    server.wait_for_state(first, "active")
    job = server.run_and_wait(id=event)
    assert (job["code"], job["description"]) == ("abort", f"{FULL}.")
    assert messages(job)[3:] == [
        f"Active jobs are blocking: #{first}",
        f"Aborting Job: {FULL}.",
        "Executing job error action: snapshot",
        f"Job aborted: {FULL}.",
    ]
    server.call("abort_job", id=first)


def test_a_queue_takes_as_many_as_it_has_places(server, busy):
    event, first = busy
    queued = [server.run(id=event) for _ in range(3)]
    for position, job_id in enumerate(queued, 1):
        job = server.wait_for_state(job_id, "queued")
        assert job["position"] == position
        assert messages(job)[3:] == ["Moving job state from {ready} to {queued}"]
    job = server.run_and_wait(id=event)
    assert job["description"] == f"{FULL}, and the queue is maxed out."
    assert f"Active jobs are blocking: #{first}" in messages(job)


def test_the_queue_moves_up_when_a_place_is_free(server, busy):
    event, first = busy
    second, third = server.run(id=event), server.run(id=event)
    server.wait_for_state(third, "queued")
    server.call("abort_job", id=first)
    job = server.wait_for_state(second, "active")
    assert messages(job)[3:8] == [
        "Moving job state from {ready} to {queued}",
        "Moving job state from {queued} to {ready}",
        f"Chosen server: {messages(job)[5].split()[2]} (random)",
        "Moving job state from {starting} to {active}",
        "Sending launch command to remote server",
    ]
    assert server.job(third)["position"] == 1


def test_a_freed_place_is_taken_at_once(server):
    event = server.event("#!/bin/sh\nsleep 0.2\n", limits=limits(1, 3))
    first, second = server.run(id=event), server.run(id=event)
    ended, started = server.wait(first)["completed"], server.wait(second)["started"]
    assert started - ended < 0.25


def test_priority_jobs_come_first(server, busy):
    event, first = busy
    ordinary = server.run(id=event)
    server.wait_for_state(ordinary, "queued")
    urgent = server.run(id=event, priority=True)
    assert server.wait_for_state(urgent, "queued")["position"] == 0
    assert server.job(ordinary)["position"] == 1
    server.call("abort_job", id=first)
    server.wait_for_state(urgent, "active")
    assert server.job(ordinary)["state"] == "queued"


def test_get_event_counts_running_and_queued(server, busy):
    event, first = busy
    server.wait_for_state(server.run(id=event), "queued")
    reply = server.call("get_event", id=event)
    assert [job["id"] for job in reply["jobs"]] == [first]
    assert reply["queued"] == 1


def test_flush_removes_queued_jobs_without_a_trace(server, busy):
    event, first = busy
    queued = [server.run(id=event) for _ in range(2)]
    server.wait_for_state(queued[1], "queued")
    assert server.call("flush_event_queue", id=event)["count"] == 2
    assert server.call("flush_event_queue", id=event)["count"] == 0
    for job_id in queued:
        assert server.post("get_job", {"id": job_id}).status_code == 404
    assert server.job(first)["state"] == "active"


def test_waiting_for_a_flushed_job_is_an_ordinary_error(server, busy):
    event, _ = busy
    replies = []

    def wait():
        client = server.client_with(server.client.headers["X-API-Key"])
        replies.append(client.post("/api/app/run_event/v1/wait", json={"id": event}))

    thread = threading.Thread(target=wait)
    thread.start()
    until(lambda: server.call("get_event", id=event)["queued"] == 1)
    server.call("flush_event_queue", id=event)
    thread.join(20)
    assert replies[0].status_code == 404
    assert replies[0].json()["description"].startswith("Failed to wait for job: ")


def test_a_queue_without_a_job_limit_is_refused(server):
    event = server.event()
    queue = limits(1, 2)[1:]
    response = server.post("run_event", {"id": event, "limits": queue})
    assert response.status_code == 400
    assert "requires a 'Max Concurrent Jobs' limit" in response.json()["description"]


def test_the_limit_is_exact_under_16_simultaneous_callers(server):
    script = """#!/bin/sh
mkdir "$folder/$JOB_ID"
ls "$folder" | wc -l
sleep 0.05
rmdir "$folder/$JOB_ID"
"""
    folder = server.folder / "running"
    folder.mkdir()
    event = server.event(script, limits=limits(3, 1000))
    jobs, failures = [], []

    def call():
        client = server.client_with(server.client.headers["X-API-Key"])
        try:
            for _ in range(4):
                body = {"id": event, "params": {"folder": str(folder)}}
                jobs.append(server.post("run_event", body, client=client).json()["id"])
        except (httpx.HTTPError, KeyError) as error:
            failures.append(error)
        finally:
            client.close()

    threads = [threading.Thread(target=call) for _ in range(16)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    assert not failures
    finished = [server.wait(job_id, seconds=60) for job_id in jobs]
    assert len({job["id"] for job in finished}) == 64
    assert {job["code"] for job in finished} == {0}
    counts = [int(job["output"]) for job in finished]
    assert max(counts) == 3
    assert min(counts) >= 1


def test_queued_jobs_start_in_the_order_of_their_arrival(server):
    event = server.event("#!/bin/sh\ntrue\n", limits=limits(1, 1000))
    jobs = [server.run(id=event) for _ in range(20)]
    started = [server.wait(job_id)["started"] for job_id in jobs]
    assert started == sorted(started)
