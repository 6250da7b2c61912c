"""Aborting: no process of a job is left, and no process of anybody else is touched."""

import os
import time
from pathlib import Path

import pytest

from tests.launcher.client import descendants, until


def pids_in(directory, count):
    """The numbers that a job's processes wrote into files, once there are that many."""

    def read():
        numbers = [path.read_text().strip() for path in directory.glob("pid.*")]
        return [int(number) for number in numbers if number] if all(numbers) else []

    return until(lambda: len(read()) >= count and read())


def is_alive(pid):
    try:
        state = Path(f"/proc/{pid}/stat").read_text("latin-1").rpartition(")")[2].split()[0]
    except OSError:
        return False
    return state not in "ZX"


STUBBORN = "trap '' TERM; echo $$ > pid.NAME; while :; do sleep 1; done"
FAMILIES = {
    "child": 'sh -c "BODY" &',
    "setsid": 'setsid sh -c "BODY" &',
    "double-fork": '(setsid sh -c "BODY" & ) &',
    "empty-environment": 'env -i PATH=$PATH sh -c "BODY" &',
    "orphan-in-the-session": '(env -i PATH=$PATH sh -c "BODY" &)',
    "daemon-that-keeps-stdout": '(env -i PATH=$PATH setsid sh -c "cd /; BODY" &)',
    "daemon-that-keeps-its-place": (
        '(env -i PATH=$PATH setsid sh -c "BODY" </dev/null >/dev/null 2>&1 &)'
    ),
}


def family_script(names):
    lines = []
    for name in names:
        body = STUBBORN.replace("NAME", name).replace("$", "\\$").replace("pid.", "$PWD/pid.")
        lines.append(FAMILIES[name].replace("BODY", body))
    return "\n".join([*lines, "trap '' TERM", "echo $$ > pid.leader", "while :; do sleep 1; done"])


@pytest.mark.parametrize("names", [[name] for name in FAMILIES] + [list(FAMILIES)])
def test_whole_tree_is_killed(client, launcher, names):
    run = client.launch(family_script(names))
    pids = pids_in(run.path / "work", len(names) + 1)
    assert all(is_alive(pid) for pid in pids)
    client.abort(run, grace=0.3)
    record = client.end_of(run)
    assert not any(is_alive(pid) for pid in pids)
    assert descendants(launcher.pid) == set()
    assert (record["signal"], record["aborted"]) == ("SIGKILL", True)
    asked, killed = run.notes[1:]
    assert run.notes[0] == "Aborting job on server"
    assert asked.startswith("Killing all job processes: ")
    assert killed.startswith("Children did not exit, killing harder: ")
    assert str(record["pid"]) in asked
    assert {str(pid) for pid in pids} <= set(killed.rpartition(": ")[2].split(", "))


def test_daemon_seen_while_it_still_had_a_parent_is_killed(client):
    daemon = "cd /; echo $$ > $0; exec sleep 600 </dev/null >/dev/null 2>&1"
    run = client.launch(
        f"env -i PATH=$PATH setsid sh -c '{daemon}' $PWD/pid.daemon & parent=$!\n"
        "sleep 2.5; exec sleep 600"
    )
    (pid,) = pids_in(run.path / "work", 1)
    client.expect("sample", where=lambda frame: str(pid) in frame["runs"][run.launch]["procs"])
    client.abort(run)
    client.end_of(run)
    assert not is_alive(pid)


def test_obedient_job_ends_within_moments(client):
    run = client.launch("sleep 60 & sleep 61")
    client.expect("spawned", run)
    began = time.monotonic()
    client.abort(run, grace=10)
    assert client.end_of(run)["signal"] == "SIGTERM"
    assert time.monotonic() - began < 2
    assert len(run.notes) == 2


def test_job_may_clean_up_after_sigterm(client):
    run = client.launch("trap 'sleep 0.5; echo cleaned; exit 4' TERM; echo on; sleep 60 & wait")
    client.expect("output", run)
    client.abort(run, grace=10)
    record = client.end_of(run)
    assert (record["code"], record["aborted"], run.log) == (4, True, b"on\ncleaned\n")


def test_output_before_the_kill_is_kept(client):
    run = client.launch("seq 1 100000; printf rest; exec sleep 60")
    until(lambda: run.path.joinpath("log").exists() and run.log.endswith(b"rest"))
    client.abort(run)
    assert client.end_of(run)["log"] == len(run.log)


def test_abort_twice_is_one_abort(client):
    run = client.launch("trap '' TERM; echo on; while :; do sleep 1; done")
    client.expect("output", run)
    for _ in range(3):
        client.abort(run, grace=0.2)
    client.end_of(run)
    assert [note.split(":")[0] for note in run.notes] == [
        "Aborting job on server",
        "Killing all job processes",
        "Children did not exit, killing harder",
    ]
    client.abort(run)
    client.expect("exited", run)


def test_others_are_left_alone(client):
    victim = client.launch("setsid sleep 600 & exec sleep 600")
    neighbour = client.launch("setsid sleep 600 & exec sleep 600")
    pid = client.expect("spawned", neighbour)["pid"]
    client.abort(victim)
    client.end_of(victim)
    assert is_alive(pid)
    client.abort(neighbour)
    assert client.end_of(neighbour)["signal"] == "SIGTERM"


def test_job_that_visits_another_job_takes_nobody_along(client):
    """A marker in a foreign session belongs to the job; the session does not."""
    host = client.launch("while ! [ -e go ]; do sleep 0.1; done; $(cat go) & exec sleep 600")
    host_pid = client.expect("spawned", host)["pid"]
    guest = client.launch("exec sleep 600")
    client.expect("spawned", guest)
    marked = f"env SWITCHYARD_LAUNCH={guest.launch} sleep 601"
    (host.path / "work" / "go.new").write_text(marked)
    (host.path / "work" / "go.new").rename(host.path / "work" / "go")
    visitor = until(lambda: _process_with("sleep\x00601\x00"))
    client.abort(guest)
    client.end_of(guest)
    assert not is_alive(visitor)
    assert is_alive(host_pid)


def test_job_of_another_instance_with_the_same_launch_id_is_left_alone(
    client, start_launcher, tmp_path
):
    (tmp_path / "other").mkdir()
    other = start_launcher(tmp_path / "other").connect()
    run = client.launch("exec sleep 600")
    namesake = other.launch("exec sleep 600", launch=run.launch)
    pid = other.expect("spawned", run)["pid"]
    client.abort(run)
    client.end_of(run)
    assert is_alive(pid)
    assert not namesake.path.exists()


def _process_with(command):
    for path in Path("/proc").glob("[0-9]*/cmdline"):
        try:
            if path.read_text("latin-1") == command:
                return int(path.parent.name)
        except OSError:
            continue
    return None


def test_kill_parent_ends_the_leader_only(client):
    run = client.launch("sleep 601 >/dev/null 2>&1 & echo $! > pid.child; exec sleep 600")
    (child,) = pids_in(run.path / "work", 1)
    pid = client.expect("spawned", run)["pid"]
    client.abort(run, kill="parent")
    assert client.end_of(run)["signal"] == "SIGTERM"
    assert is_alive(child)
    assert run.notes == ["Aborting job on server", f"Killing job process: {pid}"]


def test_kill_parent_waits_for_a_child_that_holds_stdout(client):
    run = client.launch("(sleep 0.8; echo late) & echo on; exec sleep 600")
    client.expect("output", run)
    client.abort(run, kill="parent")
    client.end_of(run)
    assert run.log == b"on\nlate\n"


def test_kill_parent_kills_harder_after_the_grace(client):
    run = client.launch("trap '' TERM; echo on; while :; do sleep 0.1; done")
    pid = client.expect("spawned", run)["pid"]
    client.expect("output", run)
    client.abort(run, kill="parent", grace=0.2)
    assert client.end_of(run)["signal"] == "SIGKILL"
    assert run.notes[-1] == f"Child did not exit, killing harder: {pid}"


def test_kill_none_ends_the_run_and_leaves_the_process_writing(client):
    script = "echo on; while :; do echo more || exit; touch beat; sleep 0.05; done"
    run = client.launch(script)
    pid = client.expect("spawned", run)["pid"]
    client.expect("output", run)
    client.abort(run, kill="none")
    record = client.end_of(run)
    assert (record["code"], record["signal"], record["aborted"]) == (None, None, True)
    size = len(run.log)
    beat = run.path / "work" / "beat"
    before = until(lambda: beat.exists() and beat.stat().st_mtime_ns)
    until(lambda: beat.stat().st_mtime_ns > before + 300_000_000)
    assert is_alive(pid)
    assert len(run.log) == size == record["log"]
    os.kill(pid, 9)


def test_abort_ends_although_a_stranger_holds_the_pipe(client, tmp_path):
    run = client.launch("echo $$ > pid.leader; exec sleep 600")
    (pid,) = pids_in(run.path / "work", 1)
    # This test is no process of the job, and holds its stdout.
    with Path(f"/proc/{pid}/fd/1").open("wb", buffering=0) as stranger:
        stranger.write(b"before\n")
        client.abort(run)
        client.end_of(run)
        assert run.log == b"before\n"
        stranger.write(b"after")
    assert run.log == b"before\n"


def test_forking_tree_is_killed(client, launcher):
    script = (
        "trap '' TERM; echo on\n"
        "for i in 1 2 3 4; do (while :; do (sleep 0.02 &) ; sleep 0.02; done) & done; wait"
    )
    run = client.launch(script)
    client.expect("output", run)
    client.abort(run, grace=0.1)
    client.end_of(run)
    assert descendants(launcher.pid) == set()


def test_what_a_dead_leader_left_behind_is_killed(client, launcher):
    run = client.launch("sleep 600 & echo on")
    client.expect("output", run)
    until(lambda: len(descendants(launcher.pid)) == 1)
    client.abort(run)
    record = client.end_of(run)
    assert (record["code"], record["aborted"]) == (0, True)
    assert descendants(launcher.pid) == set()


def test_many_aborts_at_once(client, launcher):
    runs = [client.launch("setsid sleep 600 & sleep 600") for _ in range(50)]
    for run in runs:
        client.expect("spawned", run)
    for run in runs:
        client.abort(run, grace=1)
    for run in runs:
        assert client.end_of(run)["aborted"]
    assert descendants(launcher.pid) == set()


def test_abort_of_an_unknown_run_is_answered(client):
    client.send(op="abort", launch="nobody", kill="all", grace=1)
    assert client.expect("unknown") == {"op": "unknown", "launch": "nobody"}
