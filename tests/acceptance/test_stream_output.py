"""The log in the event stream: complete, from any offset, for any number of clients."""

import json
import threading
import time

import httpx
import pytest

from tests.acceptance.scripts import STEPS, python
from tests.acceptance.streams import Stream
from tests.processes import until

pytestmark = pytest.mark.databases("sqlite")


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
