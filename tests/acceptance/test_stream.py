"""The event stream of a job: its fields, their order, reconnecting, and the log in it."""

import time

from tests.acceptance.scripts import ENDLESS, STEPS, python, saying
from tests.acceptance.streams import Stream


def test_a_running_job_is_followed_to_its_end(server):
    job_id = server.run(STEPS)
    server.wait_for_state(job_id, "active")
    stream = Stream(server, job_id)
    assert (stream.status, stream.retry) == (200, 1000)
    assert stream.headers["Content-Type"] == "text/event-stream"
    assert stream.headers["Cache-Control"] == "no-cache"
    assert stream.names()[0] == "start"
    assert stream.names()[-2:] == ["update", "end"]
    assert set(stream.names()[1:-1]) == {"update"}
    assert stream.events[0][1] == {}
    assert stream.events[-1][1:] == ({}, "end")

    first, *middle, last = stream.updates()
    job = server.job(job_id)
    assert list(first)[:5] == ["xy", "id", "started", "state", "server"]
    assert list(first)[-1] == "progress"
    assert (first["xy"], first["id"], first["state"]) == (1, job_id, "active")
    assert (first["server"], first["started"]) == (job["server"], job["started"])
    order = ["xy", "state", "cpu", "mem", "updated", "redraw", "table", "html", "progress"]
    for update in middle:
        assert list(update) == [key for key in order if key in update]
    progress = [update["progress"] for update in stream.updates()[:-1]]
    assert progress == sorted(progress)
    assert {0.1, 0.2, 0.3} <= set(progress)
    assert [update["table"] for update in middle if "table" in update] == [job["table"]]
    assert any(update.get("cpu", {}).get("count", 0) >= 1 for update in middle)

    keys = ["xy", "id", "code", "description", "completed", "elapsed"]
    assert list(last) == [*keys, "table", "html", "data", "files"]
    assert {key: last[key] for key in list(last)[1:]} == {key: job[key] for key in list(last)[1:]}


def test_updates_come_as_things_change_but_at_most_ten_a_second(server):
    script = python(
        "import json, sys, time\n"
        "for i in range(100):\n"
        "    print(json.dumps({'xy': 1, 'progress': i / 100}), flush=True)\n"
        "    time.sleep(0.02)"
    )
    job_id = server.run(script)
    server.wait_for_state(job_id, "active")
    moments = []

    class Timed(Stream):
        def heard(self, event):
            moments.append(time.monotonic())

    stream = Timed(server, job_id)
    progress = [update["progress"] for update in stream.updates()[:-1]]
    assert len(set(progress)) >= 8
    seconds = moments[-1] - moments[0]
    assert len(moments) <= 10 * seconds + 12


def test_a_finished_job_is_told_at_once(server):
    job = server.run_and_wait(saying({"data": {"a": 1}}))
    stream = Stream(server, job["id"])
    assert stream.names() == ["start", "update", "end"]
    keys = ("id", "code", "description", "completed", "elapsed", "data", "files")
    assert stream.updates() == [{"xy": 1} | {key: job[key] for key in keys}]


def test_a_queued_job_shows_its_position_and_how_it_goes_on(server):
    limits = [
        {"type": "job", "enabled": True, "amount": 1},
        {"type": "queue", "enabled": True, "amount": 5},
    ]
    event = server.event("#!/bin/sh\nsleep 0.7\n", limits=limits)
    server.run(id=event)
    second = server.run(id=event)
    server.wait_for_state(second, "queued")
    updates = Stream(server, second).updates()
    assert (updates[0]["state"], updates[0]["position"]) == ("queued", 1)
    assert "active" in [update.get("state") for update in updates]
    assert "server" in next(update for update in updates if update.get("state") == "active")


def test_a_flushed_job_ends_the_stream_with_an_error(server):
    limits = [
        {"type": "job", "enabled": True, "amount": 1},
        {"type": "queue", "enabled": True, "amount": 5},
    ]
    event = server.event(ENDLESS, limits=limits)
    first, second = server.run(id=event), server.run(id=event)
    server.wait_for_state(second, "queued")

    class Flusher(Stream):
        def heard(self, event_heard):
            if event_heard[0] == "update" and "error" not in event_heard[1]:
                server.call("flush_event_queue", id=event)

    stream = Flusher(server, second, client=server.client_with(server.client.headers["X-API-Key"]))
    assert stream.names()[-2:] == ["update", "end"]
    last = stream.updates()[-1]
    assert (last["error"], last["code"]) == (True, 1)
    assert last["description"].startswith("Failed to load job data: ")
    server.call("abort_job", id=first)


def test_ids_grow_and_the_end_needs_no_reconnect(server):
    job_id = server.run(saying("x", {"progress": 0.5}, then="sleep 0.4"))
    server.wait_for_state(job_id, "active")
    stream = Stream(server, job_id)
    revisions = [int(event_id) for _, _, event_id in stream.events[:-1]]
    assert revisions == sorted(revisions)
    assert revisions[-1] > revisions[0]
    again = server.get("stream_job", id=job_id, headers={"Last-Event-ID": "end"})
    assert (again.status_code, again.content) == (204, b"")


def test_a_stream_token_opens_the_stream_alone(server):
    job = server.run_and_wait("#!/bin/sh\ntrue\n")
    nobody = server.client_with(None)
    assert server.get("stream_job", nobody, id=job["id"]).status_code == 403
    wrong = server.get("stream_job", nobody, id=job["id"], token="0" * 64)
    assert (wrong.status_code, wrong.json()) == (
        400,
        {"code": "api", "description": "Authentication failed."},
    )


def test_unknown_jobs_are_not_found(server):
    response = server.get("stream_job", id="jnosuchjob")
    assert (response.status_code, response.json()["code"]) == (404, "notfound")
