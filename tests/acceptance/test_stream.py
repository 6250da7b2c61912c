"""The event stream of a job: its fields, their order, reconnecting, and the log in it."""

import json
import threading
import time

import httpx
import pytest

from tests.acceptance.scripts import ENDLESS, python, saying
from tests.processes import until


class Stream:
    """A client of stream_job that keeps all that it has heard."""

    def __init__(self, server, job_id, last_id=None, client=None, **params):
        headers = {"Last-Event-ID": last_id} if last_id else {}
        self.events = []
        self.comments = 0
        self.retry = None
        self._client = client or server.client
        with self._client.stream(
            *("GET", "/api/app/stream_job/v1"),
            params={"id": job_id, **params},
            headers=headers,
        ) as response:
            self.status = response.status_code
            self.headers = response.headers
            self._read(response)

    def _read(self, response):
        event = {}
        for line in response.iter_lines():
            name, _, value = line.partition(": ")
            if not line and event:
                self.events.append((event["event"], json.loads(event["data"]), event["id"]))
                self.heard(self.events[-1])
                event = {}
            elif name == "retry":
                self.retry = int(value)
            elif not name:
                self.comments += 1
            elif line:
                event[name] = value

    def heard(self, event):
        """Called with each event, before the next is read."""

    def names(self):
        return [name for name, _, _ in self.events]

    def updates(self):
        return [data for name, data, _ in self.events if name == "update"]

    def text(self):
        return "".join(data["text"] for name, data, _ in self.events if name == "output")


STEPS = """#!/bin/sh
echo first
for i in 1 2 3; do
  sleep 0.5
  echo "{\\"xy\\":1,\\"progress\\":0.$i,\\"status\\":\\"step $i\\"}"
done
sleep 0.3
echo '{"xy":1,"table":{"header":["A"],"rows":[["1"]]},"html":{"content":"<b>x</b>"}}'
sleep 0.3
echo '{"xy":1,"data":{"answer":42}}'
"""


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


def test_output_is_complete_to_the_last_byte(server):
    script = python(
        "import sys, time\n"
        "for i in range(2000):\n"
        "    print(f'line {i} ä€😀', flush=True)\n"
        "    if i % 400 == 0: time.sleep(0.2)\n"
        "sys.stdout.write('the end')"
    )
    job_id = server.run(script)
    server.wait_for_state(job_id, "active")
    stream = Stream(server, job_id, output=1)
    log = server.log(job_id)
    assert log.endswith(b"the end")
    assert stream.text().encode() == log
    outputs = [(data, event_id) for name, data, event_id in stream.events if name == "output"]
    assert len(outputs) > 2
    assert all((data["xy"], data["type"]) == (1, "output") for data, _ in outputs)
    assert outputs[0][0]["offset"] == 0
    ends = [int(event_id.partition(":")[2]) for _, event_id in outputs]
    assert ends == sorted(ends)
    assert ends[-1] == len(log)
    assert stream.names()[-2:] == ["update", "end"]


def test_without_output_no_log_text_is_sent(server):
    job_id = server.run("#!/bin/sh\nfor i in 1 2 3; do echo SECRET; sleep 0.2; done\n")
    assert "output" not in Stream(server, job_id).names()


@pytest.mark.parametrize("live", [True, False])
def test_a_reconnect_gets_the_rest_of_the_log(server, live):
    script = python(
        "import time\n"
        "for i in range(1000):\n"
        "    print(f'line {i} ä', flush=True)\n"
        "    if i % 100 == 0: time.sleep(0.1)"
    )
    job_id = server.run(script)
    server.wait_for_state(job_id, "active")

    class Cut(Stream):
        """Breaks off in the middle of the log."""

        def heard(self, event):
            if len(self.text()) > 2000:
                raise EOFError

    client = server.client_with(server.client.headers["X-API-Key"])
    cut = Cut.__new__(Cut)
    with pytest.raises(EOFError):
        cut.__init__(server, job_id, client=client, output=1)
    if not live:
        server.wait(job_id)
    rest = Stream(server, job_id, last_id=cut.events[-1][2], output=1)
    assert (cut.text() + rest.text()).encode() == server.log(job_id)
    first = rest.updates()[0]
    assert first["id"] == job_id
    if live:
        assert "state" in first
        assert "server" in first


def test_a_reconnect_in_the_middle_of_a_character_loses_nothing(server):
    script = python("import sys, time\nprint('ä' * 50, flush=True)\ntime.sleep(0.6)\nprint('end')")
    job_id = server.run(script)
    server.wait_for_log(job_id, "ä")
    stream = Stream(server, job_id, last_id="7:51", output=1)
    assert stream.text().endswith("ä" * 24 + "\nend\n")


@pytest.mark.parametrize(
    "last_id", ["", "nonsense", "-1:-5", "5:99999999", "1:" + "9" * 400, ":::"]
)
def test_odd_last_event_ids_do_no_harm(server, last_id):
    job = server.run_and_wait("#!/bin/sh\necho text\n")
    stream = Stream(server, job["id"], last_id=last_id, output=1)
    assert stream.names()[-1] == "end"


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


def test_40_clients_of_one_job_hear_the_same_end(server):
    job_id = server.run(STEPS)
    streams = []

    def follow():
        with httpx.Client(
            base_url=server.url, headers=server.client.headers, timeout=60, trust_env=False
        ) as client:
            streams.append(Stream(server, job_id, client=client, output=1))

    threads = [threading.Thread(target=follow) for _ in range(40)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    assert len(streams) == 40
    log = server.log(job_id)
    assert {stream.text().encode() for stream in streams} == {log}
    assert {json.dumps(stream.updates()[-1]) for stream in streams} == {
        json.dumps(streams[0].updates()[-1])
    }


def test_a_client_that_does_not_read_holds_nobody_up(server):
    job_id = server.run("#!/bin/sh\nhead -c 30000000 /dev/zero | tr '\\0' x\nsleep 600\n")
    with server.client.stream(
        "GET", "/api/app/stream_job/v1", params={"id": job_id, "output": 1}
    ) as response:
        assert response.status_code == 200
        until(lambda: server.job(job_id)["log_file_size"] == 30_000_000)
        began = time.monotonic()
        assert server.get("ping").status_code == 200
        assert time.monotonic() - began < 1
    server.call("abort_job", id=job_id)
    server.wait(job_id)
    server.call("delete_job", id=job_id)
