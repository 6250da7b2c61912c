"""Samples: what the processes of jobs use, once a second, and what is kept of them."""

import os
import sys
import time

from core import json, timelines
from launcher.details import MAX_COMMANDS_BYTES, MAX_PROCESSES
from tests.launcher.client import until


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
    own_nice = os.getpriority(os.PRIO_PROCESS, 0)
    expected = {"user": "root"} if os.geteuid() == 0 else {}
    expected |= {
        "state": "Sleeping",
        "nice": own_nice + 5,
        "priority": 14 - own_nice,
        "threads": 1,
        "tty": "?",
        "class": "Other",
        "conns": 0,
        "net": 0,
    }
    assert sample["conns"] == []
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


def python(code):
    return f"#!{sys.executable} -I\n{code}\n"


def test_bytes_that_a_process_reads_and_writes_are_counted(client):
    run = client.launch("exec 9>out; head -c 5000000 /dev/zero >&9; sleep 600")
    leader = str(client.expect("spawned", run)["pid"])
    # What its children did is added to it when they have ended.
    sample = sample_of(client, run, lambda one: one["procs"][leader]["disk"] > 10_000_000)
    assert sample["procs"][leader]["disk"] < 11_000_000
    assert until(lambda: timelines.read(run.path).disk_bytes > 10_000_000)


PAIR = """
import socket, time
family = socket.AF_INET6 if {host!r} == "::1" else socket.AF_INET
server = socket.create_server(({host!r}, 0), family=family)
one = socket.create_connection(server.getsockname()[:2])
other, _ = server.accept()
time.sleep(1.2)
for _ in range(30):
    one.sendall(bytes(1_000_000))
    left = 1_000_000
    while left:
        left -= len(other.recv(min(left, 65536)))
print(server.getsockname()[1], one.getsockname()[1], flush=True)
time.sleep(600)
"""


def test_connections_are_listed_with_what_went_through_them(client):
    run = client.launch(python(PAIR.format(host="127.0.0.1")))
    pid = client.expect("spawned", run)["pid"]
    sample = sample_of(client, run, lambda one: moved(one) >= 60_000_000)
    server, port = run.log.decode().split()
    conns = {(one["local_addr"], one["remote_addr"]): one for one in sample["conns"]}
    assert conns.keys() == {
        (f"127.0.0.1:{server}", "0.0.0.0:*"),
        (f"127.0.0.1:{server}", f"127.0.0.1:{port}"),
        (f"127.0.0.1:{port}", f"127.0.0.1:{server}"),
    }
    sender = conns[f"127.0.0.1:{port}", f"127.0.0.1:{server}"]
    assert sender.keys() == {
        *("type", "state", "local_addr", "remote_addr", "pid", "bytes", "delta", "started")
    }
    assert (sender["type"], sender["state"], sender["pid"]) == ("tcp", "ESTABLISHED", pid)
    # The kernel counts the beginning of a connection as a byte.
    assert sender["bytes"] in (30_000_000, 30_000_001)
    assert 0 < time.time() - sender["started"] < 30
    listening = conns[f"127.0.0.1:{server}", "0.0.0.0:*"]
    assert (listening["state"], listening["bytes"]) == ("LISTEN", 0)
    assert sample["procs"][str(pid)]["conns"] == 3
    # What went through while nobody looked is not counted; all that is listed is.
    assert until(lambda: timelines.read(run.path).net_bytes >= 60_000_000)


def moved(sample):
    return sum(one["bytes"] for one in sample["conns"])


def test_a_rate_of_the_network_is_per_second(client):
    code = (
        PAIR.format(host="::1")
        .replace("range(30)", "iter(int, 1)")
        .replace("    one.sendall", "    time.sleep(0.01); one.sendall")
    )
    run = client.launch(python(code))
    pid = str(client.expect("spawned", run)["pid"])
    first = sample_of(client, run, lambda one: one["procs"][pid]["net"] > 0)
    assert first["conns"][0]["local_addr"].startswith("[::1]:")
    began = time.monotonic()
    second = sample_of(client, run)
    seconds = time.monotonic() - began
    assert second["procs"][pid]["net"] < (moved(second) - moved(first)) / seconds * 3 + 1_000_000


def test_a_crowd_of_processes_is_listed_in_part(client):
    run = client.launch(f"for i in $(seq {MAX_PROCESSES + 50}); do sleep 600.$i & done; wait")
    sample = sample_of(client, run, lambda one: len(one["procs"]) >= MAX_PROCESSES)
    assert len(sample["procs"]) == MAX_PROCESSES
    assert sample["mem"] > sum(one["memRss"] for one in sample["procs"].values())


def test_long_command_lines_of_many_processes_are_cut(client):
    script = f"for i in $(seq 50); do {sys.executable} -c 'import time; time.sleep(600)' "
    run = client.launch(script + f"{'x' * 3000} & done; wait")
    sample = sample_of(client, run, lambda one: len(one["procs"]) == 51)
    assert sum(len(one["command"]) for one in sample["procs"].values()) <= MAX_COMMANDS_BYTES


def test_samples_are_kept_in_the_directory_of_the_run(client):
    run = client.launch("sleep 600")
    frames = [client.expect("sample", where=lambda f: run.launch in f["runs"]) for _ in range(2)]
    kept = json.loads(timelines.read(run.path).text)
    keys = ("cpu", "memRss", "command", "disk", "net")
    for entry, frame in zip(kept["second"], frames, strict=True):
        procs = frame["runs"][run.launch]["procs"]
        brief = {pid: {key: process[key] for key in keys} for pid, process in procs.items()}
        assert entry == {"epoch": round(frame["at"], 3), "procs": brief}
    first = frames[0]["runs"][run.launch]
    whole = {"epoch": frames[0]["at"] // 60 * 60, "procs": first["procs"], "conns": []}
    assert kept["minute"][0] == whole


def test_a_job_that_deletes_its_folder_is_still_measured(client):
    run = client.launch(f"rm -r {client.launcher.instance}/runs; sleep 600")
    for _ in range(2):
        sample_of(client, run)
    assert not run.path.exists()
