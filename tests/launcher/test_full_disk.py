"""A full disk: jobs wait at their pipes, nothing is lost, and the end is always recorded."""

import os
import time

import pytest

from tests.launcher.client import until


@pytest.fixture
def client(start_launcher, tmpfs):
    return start_launcher(tmpfs).connect()


def fill(directory):
    """Leave no block; return the file that holds them."""
    path = directory / "ballast"
    with path.open("wb", buffering=0) as file:
        try:
            while True:
                file.write(b"\0" * 4096)
        except OSError:
            return path


def is_full(directory):
    return os.statvfs(directory).f_bfree == 0


def test_job_waits_for_room_and_loses_nothing(client, tmpfs):
    run = client.launch('for i in $(seq 100000); do echo line $i; done; echo \'{"xy":1,"code":0}\'')
    client.expect("spawned", run)
    ballast = fill(tmpfs)
    until(lambda: is_full(tmpfs))
    time.sleep(1)
    assert all(frame["op"] != "exited" for frame in client.frames)
    ballast.unlink()
    # Half of the output fits; what does not fit later waits again.
    until(lambda: is_full(tmpfs))
    with (run.path / "log").open("r+b") as log:
        taken = log.read()
        log.truncate(0)
    client.end_of(run)
    rest = run.log
    assert taken + rest == b"".join(b"line %d\n" % i for i in range(1, 100_001))
    assert run.messages == [{"xy": 1, "code": 0}]


def test_exit_is_recorded_on_a_full_disk(client, tmpfs):
    run = client.launch("until [ -s ../../../../go ]; do sleep 0.1; done; exit 7")
    client.expect("spawned", run)
    with (tmpfs / "go").open("w") as file:
        file.write("x")
    fill(tmpfs)
    assert client.end_of(run)["code"] == 7


def test_aborted_job_ends_on_a_full_disk(client, tmpfs):
    run = client.launch("yes")
    client.expect("output", run)
    until(lambda: is_full(tmpfs))
    client.abort(run)
    record = client.end_of(run)
    assert record["aborted"]
    assert record["log"] == len(run.log)
    assert all(line.endswith(b"}") for kind, line in run.records)


def test_launch_without_room_is_refused_and_leaves_nothing(client, tmpfs):
    ballast = fill(tmpfs)
    run = client.launch("true")
    frame = client.expect("refused", run)
    assert "No space left on device" in frame["error"]
    assert not run.path.exists()
    ballast.unlink()
    client.send(op="launch", launch=run.launch, job=run.job, argv=["true"], env={}, kill="all")
    assert client.end_of(run)["code"] == 0


def test_others_go_on_while_one_waits(client, tmpfs, start_launcher, instance):
    run = client.launch("yes")
    client.expect("output", run)
    until(lambda: is_full(tmpfs))
    began = time.monotonic()
    client.send(op="hello")
    client.expect("hello")
    assert time.monotonic() - began < 1
    client.abort(run)
    client.end_of(run)
