"""Samples: what the processes of jobs use, once a second."""

import os
import sys
import time


def sample_of(client, run, where=lambda sample: True):
    frame = client.expect(
        "sample", where=lambda f: run.launch in f["runs"] and where(f["runs"][run.launch])
    )
    return frame["runs"][run.launch]


def test_busy_and_idle_jobs_are_told_apart(client):
    busy = client.launch("(while :; do :; done) & wait")
    idle = client.launch("sleep 600")
    share = 100 / os.cpu_count()
    cpu = sample_of(client, busy, lambda sample: sample["cpu"] > share * 0.3)["cpu"]
    assert cpu <= share * 1.3
    assert sample_of(client, idle)["cpu"] < share * 0.1


def test_sample_lists_the_processes_of_the_tree(client):
    code = "import time; x = bytearray(30_000_000); time.sleep(600)"
    run = client.launch(f"setsid nice -n 5 sleep 600 & exec {sys.executable} -c '{code}'")
    leader = client.expect("spawned", run)["pid"]
    sample = sample_of(client, run, lambda one: len(one["procs"]) == 2 and one["mem"] > 30_000_000)
    python = sample["procs"].pop(str(leader))
    (sleep,) = sample["procs"].values()
    assert python["command"].startswith(f"{sys.executable} -c import")
    assert sleep["parentPid"] == leader
    assert sleep["command"] == "sleep 600"
    assert sample["mem"] == python["memRss"] + sleep["memRss"]
    expected = {"user": "root"} if os.geteuid() == 0 else {}
    expected |= {
        "state": "Sleeping",
        "nice": 5,
        "priority": 14,
        "threads": 1,
        "tty": "?",
        "class": "Other",
        "conns": 0,
        "net": 0,
    }
    assert {key: sleep[key] for key in expected} == expected
    assert abs(sleep["started"] - time.time()) < 30
    others = {"pid", "parentPid", "cpu", "memRss", "age", "memVsz", "mem", "group", "time"}
    assert set(sleep) == {*expected, *others, "user", "command", "disk", "started"}


def test_time_of_ended_children_counts(client):
    run = client.launch("while :; do python3 -c 'sum(range(3_000_000))'; done")
    share = 100 / os.cpu_count()
    assert sample_of(client, run, lambda sample: sample["cpu"] > share * 0.3)


def test_young_runs_are_not_sampled(client):
    began = time.monotonic()
    run = client.launch("sleep 600")
    sample_of(client, run)
    assert time.monotonic() - began > 0.9


def test_nothing_is_sampled_without_runs(client):
    client.run("sleep 1.2")
    client.frames.clear()
    time.sleep(1.5)
    client.send(op="hello")
    client.expect("hello")
    assert [frame["op"] for frame in client.frames] in ([], ["sample"])
