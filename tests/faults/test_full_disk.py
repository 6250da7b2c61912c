"""A full disk: no run is accepted, running jobs wait, nothing is lost."""

import os
import subprocess
import time
from contextlib import suppress
from pathlib import Path

import pytest

from tests.processes import until
from tests.server import Server

MIB = 1024 * 1024
SIZE_BYTES = 48 * MIB


@pytest.fixture(scope="module")
def mounted(tmp_path_factory):
    """A server whose instance lies on a file system of 48 MiB."""
    if os.geteuid() != 0:
        pytest.skip("mounting a small file system takes root")
    folder = tmp_path_factory.mktemp("small")
    instance = folder / "instance"
    instance.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", f"size={SIZE_BYTES}", "tmpfs", str(instance)]
    if subprocess.run(mount, check=False).returncode != 0:
        pytest.skip("this host does not let us mount a file system")
    server = Server(folder, MIN_FREE_BYTES=8 * MIB)
    try:
        yield server.start()
    finally:
        server.clear()
        subprocess.run(["umount", "--lazy", str(instance)], check=True)


@pytest.fixture
def small(mounted):
    """The server on the small file system; a test's filler is taken away afterwards."""
    yield mounted
    (mounted.instance / "filler").unlink(missing_ok=True)


def fill(server, leave=0):
    """Leave so many bytes free, or fewer: the server writes meanwhile."""
    status = os.statvfs(server.instance)
    free = status.f_bavail * status.f_frsize
    with suppress(OSError), (server.instance / "filler").open("wb", buffering=0) as file:
        for _ in range((free - leave) // 65536):
            file.write(b"x" * 65536)
        while not leave:
            file.write(b"x" * 4096)


def empty(server):
    (server.instance / "filler").unlink()


def test_no_run_is_accepted_on_a_nearly_full_disk(small):
    event = small.event("#!/bin/sh\ntrue\n")
    fill(small, leave=4 * MIB)
    response = small.post("run_event", {"id": event})
    assert response.status_code == 503
    assert int(response.headers["Retry-After"]) > 0
    assert response.json()["description"] == "Not enough disk space to run jobs."
    empty(small)
    assert small.run_and_wait(id=event)["code"] == 0


def test_queued_jobs_wait_until_there_is_space(small):
    limits = [
        {"type": "job", "enabled": True, "amount": 1},
        {"type": "queue", "enabled": True, "amount": 5},
    ]
    event = small.event("#!/bin/sh\nsleep 1\n", limits=limits)
    first, second = small.run(id=event), small.run(id=event)
    small.wait_for_state(second, "queued")
    fill(small, leave=4 * MIB)
    small.wait(first)
    deadline = time.monotonic() + 2
    while time.monotonic() < deadline:
        assert small.job(second)["state"] in ("queued", "ready")
        time.sleep(0.1)
    empty(small)
    assert small.wait(second)["code"] == 0


def test_a_job_that_runs_while_the_disk_is_full_loses_nothing(small):
    script = """#!/bin/bash
for step in $(seq 2000); do echo "line $step"; done
echo '{"xy":1,"data":{"steps":[1]}}'
read -r < go
for step in $(seq 2000); do echo "later $step"; done
echo '{"xy":1,"data":{"steps":[2]}}'
exit 6
"""
    script = script.replace("for step", "mkfifo go\nfor step", 1)
    job_id = small.run(script)
    small.wait_for_log(job_id, "line 2000")
    small.wait(job_id, lambda job: job.get("data"))
    cwd = small.job(job_id)["cwd"]
    fill(small)
    Path(cwd, "go").write_text("go\n")
    time.sleep(3)
    assert small.get("ping").status_code == 200
    assert small.post("run_event", {"id": "any"}).status_code in (404, 503)
    empty(small)
    job = small.wait(job_id)
    assert (job["code"], job["data"]) == (6, {"steps": [1, 2]})
    lines = [f"line {n}\n" for n in range(1, 2001)] + [f"later {n}\n" for n in range(1, 2001)]
    assert small.log(job_id).decode() == "".join(lines)
    assert small.run_and_wait("#!/bin/sh\ntrue\n")["code"] == 0


def test_jobs_that_end_while_the_disk_is_full_are_recorded_later(small):
    # They end one after another: some right after the disk is full, some later.
    event = small.event("#!/bin/sh\nseq 5000\necho hello\nsleep $seconds\nexit 4\n")
    waits = [f"{0.5 + number / 10}" for number in range(15)]
    jobs = [small.run(id=event, params={"seconds": seconds}) for seconds in waits]
    small.wait_for_log(jobs[-1], "hello")
    fill(small)
    until(lambda: not small.job_processes(), what="end of the processes")
    time.sleep(1)
    empty(small)
    expected = "".join(f"{number}\n" for number in range(1, 5001)) + "hello\n"
    for job_id in jobs:
        job = small.wait(job_id)
        assert (job["code"], job["output"]) == (4, expected)
