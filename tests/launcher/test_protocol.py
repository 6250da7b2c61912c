"""The socket: greeting, fencing, bad frames, clients that come and go."""

import json

import pytest

from tests.launcher.client import until


def test_greeting_lists_the_runs(launcher, client):
    assert client.greeting == {
        "op": "hello",
        "protocol": 1,
        "pid": launcher.pid,
        "epoch": 1,
        "runs": [],
    }
    ended = client.run("true")
    live = client.launch("sleep 60")
    pid = client.expect("spawned", live)["pid"]
    runs = launcher.connect().greeting["runs"]
    assert sorted(runs, key=lambda run: run["launch"]) == [
        {
            "launch": ended.launch,
            "job": ended.job,
            "pid": ended.exit["pid"],
            "ended": True,
            "exit": ended.exit,
        },
        {"launch": live.launch, "job": live.job, "pid": pid, "ended": False},
    ]


def test_forgotten_run_is_not_listed(launcher, client):
    run = client.run("true")
    client.send(op="forget", launch=run.launch)
    assert launcher.connect().greeting["runs"] == []


def test_live_run_cannot_be_forgotten(client):
    run = client.launch("sleep 60")
    client.expect("spawned", run)
    client.send(op="forget", launch=run.launch)
    assert client.expect("refused", run)["error"] == "The run has not ended"


def test_events_go_only_to_clients_that_said_hello(launcher, client):
    silent = launcher.connect(hello=False)
    client.end_of(client.launch("echo x"))
    silent.send(op="hello")
    assert silent.receive()["op"] == "hello"


def test_lower_epoch_is_refused_and_nothing_happens(launcher, client):
    launcher.connect(epoch=7)
    run = client.launch("true")
    assert client.expect("refused", run) == {
        "op": "refused",
        "epoch": 7,
        "re": "launch",
        "launch": run.launch,
    }
    assert not run.path.exists()


@pytest.mark.parametrize("operation", ["hello", "abort", "forget"])
def test_every_command_is_fenced(launcher, client, operation):
    launcher.connect(epoch=9)
    client.send(op=operation)
    frame = client.receive()
    assert (frame["op"], frame["epoch"], frame["re"]) == ("refused", 9, operation)


def test_epoch_outlives_the_launcher(instance, start_launcher):
    start_launcher(instance).connect(epoch=12)
    assert (instance / "launchers" / "epoch").read_text() == "12\n"
    client = start_launcher(instance).connect(hello=False, epoch=11)
    client.send(op="hello")
    assert client.receive()["op"] == "refused"


def test_epoch_is_shared_with_a_running_generation(instance, start_launcher):
    older = start_launcher(instance).connect(epoch=3)
    start_launcher(instance).connect(epoch=4)
    run = older.launch("true")
    assert older.expect("refused", run)["epoch"] == 4


@pytest.mark.parametrize(
    "line",
    [
        b"no json\n",
        b'{"op":"hello","epoch":1\n',
        b"[1]\n",
        b'{"epoch":1}\n',
        b'{"op":"hello"}\n',
        b'{"op":"hello","epoch":"1"}\n',
        b'{"op":"hello","epoch":true}\n',
        b'{"op":"dance","epoch":1}\n',
        b'{"op":["hello"],"epoch":1}\n',
        b'{"op":"\xff"}\n',
        b"[" * 100_000 + b"\n",
        b'{"op":"hello","epoch":' + b"9" * 5000 + b"}\n",
    ],
)
def test_malformed_frame_closes_its_client_only(launcher, client, line):
    bad = launcher.connect(hello=False)
    bad.socket.sendall(line)
    assert bad.receive() is None
    assert client.run("true").exit["code"] == 0


@pytest.mark.parametrize(
    "changes",
    [
        {"launch": "../x"},
        {"launch": "UPPER"},
        {"launch": "x" * 65},
        {"launch": ""},
        {"launch": 5},
        {"launch": None},
        {"job": "a/b"},
        {"job": "a\n"},
        {"argv": None},
        {"argv": []},
        {"argv": [1]},
        {"argv": "true"},
        {"script": 5},
        {"env": None},
        {"env": {"A": 1}},
        {"stdin": 5},
        {"cwd": 5},
        {"uid": []},
        {"gid": True},
        {"kill": "some"},
        {"kill": []},
    ],
)
def test_malformed_launch_is_refused_with_a_reason(client, launcher, changes):
    order = {"launch": "l", "job": "j", "argv": ["true"], "env": {}, "kill": "all"} | changes
    client.send(op="launch", **order)
    frame = client.receive()
    assert (frame["op"], frame["re"], frame["launch"]) == ("refused", "launch", order["launch"])
    assert frame["error"]
    assert not (launcher.instance / "runs").exists()


def test_launch_id_of_another_job_is_refused(client):
    run = client.run("true")
    client.send(op="launch", launch=run.launch, job="other", argv=["true"], env={}, kill="all")
    assert client.expect("refused", run)["error"] == "Another job has this launch id"


def test_client_that_dies_mid_way_loses_nothing(launcher, client):
    run = client.launch(
        'for i in $(seq 50); do echo $i; sleep 0.02; done; echo \'{"xy":1,"code":0}\''
    )
    client.expect("output", run)
    client.socket.sendall(b'{"op":"launch","epoch":1,"launch":"half')
    client.close()
    successor = launcher.connect(epoch=2)
    assert [one["launch"] for one in successor.greeting["runs"]] == [run.launch]
    successor.end_of(run)
    assert run.log == b"".join(b"%d\n" % number for number in range(1, 51))
    assert run.messages == [{"xy": 1, "code": 0}]
    assert not (launcher.instance / "runs" / "half").exists()


def test_client_that_dies_right_after_its_orders_has_them_carried_out(launcher, client):
    runs = [client.launch("echo ran") for _ in range(40)]
    client.close()
    for run in runs:
        until(lambda run=run: run.path.joinpath("log").exists() and run.log == b"ran\n")


def test_client_that_reads_nothing_is_closed_and_blocks_nobody(launcher, client):
    slow = launcher.connect()
    ended = [client.launch("true", job="j" * 64) for _ in range(100)]
    for run in ended:
        client.end_of(run)
    # Each greeting lists a hundred runs; a client may owe eight megabytes.
    for _ in range(2000):
        try:
            slow.send(op="hello")
        except (BrokenPipeError, ConnectionResetError):
            break
    else:
        pytest.fail("the launcher kept everything for a client that reads nothing")
    assert client.run("echo fine").log == b"fine\n"


def test_frame_in_pieces_is_put_together(launcher):
    client = launcher.connect(hello=False)
    for byte in json.dumps({"op": "hello", "epoch": 1}).encode() + b"\n":
        client.socket.sendall(bytes([byte]))
    assert client.receive()["op"] == "hello"


def test_two_clients_get_the_same_events(launcher, client):
    other = launcher.connect()
    run = client.run("echo x")
    other.end_of(run)
    kinds = [frame["op"] for frame in other.frames if frame.get("launch") == run.launch]
    assert kinds[0] == "spawned"
