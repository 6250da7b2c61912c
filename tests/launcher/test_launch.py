"""Launching: what a job finds when it starts, and what is recorded about it."""

import os
import pwd
import resource
import signal
import time
from pathlib import Path

import pytest

from tests.launcher.client import until


def test_script_without_interpreter_line_is_run_by_sh(client):
    run = client.run("echo $((6 * 7))\n")
    assert run.log == b"42\n"
    assert run.exit["code"] == 0


def test_script_with_interpreter_line_is_executed_directly(client):
    run = client.run("#!/usr/bin/env python3\nimport sys\nprint(sys.argv[0])\n")
    assert run.log.decode() == f"{run.path}/script\n"


def test_script_with_unknown_format_falls_back_to_sh(client):
    run = client.run("\x7fELF is not found\necho after\n")
    assert run.log.startswith(b"after\n")


def test_empty_script_succeeds(client):
    assert client.run("").exit["code"] == 0


def test_script_is_appended_to_argv(client):
    run = client.run("text of the script", argv=["cat"])
    assert run.log == b"text of the script"


def test_argv_is_looked_up_in_the_path_of_the_job(client, tmp_path):
    program = tmp_path / "greet"
    program.write_text("#!/bin/sh\necho $1\n")
    program.chmod(0o755)
    run = client.run(argv=["greet", "two words"], env={"PATH": f"{tmp_path}:/bin:/usr/bin"})
    assert run.log == b"two words\n"


@pytest.mark.parametrize(
    ("changes", "error"),
    [
        ({"argv": ["no-such-program"]}, "No such file or directory: no-such-program"),
        ({"argv": ["/etc/passwd"]}, "Permission denied: /etc/passwd"),
        ({"argv": ["true"], "cwd": "/no/such/place"}, "No such file or directory: /no/such/place"),
        ({"argv": ["true"], "uid": "nobody-knows"}, "User does not exist: nobody-knows"),
        ({"argv": ["true"], "gid": "nobody-knows"}, "Group does not exist: nobody-knows"),
        ({"argv": ["true", "x" * 200_000]}, "Argument list too long: true"),
        ({"argv": ["true", "nu\0ll"]}, "embedded null byte"),
        ({"argv": ["true"], "env": {"A=B": "x"}}, "illegal environment variable name"),
        ({"script": "#!/no/such/interpreter\n"}, "No such file or directory: {path}/script"),
    ],
)
def test_spawn_error_is_in_the_exit_record(client, changes, error):
    run = client.run(**changes)
    assert run.exit["error"] == error.format(path=run.path)
    assert run.exit["code"] is None
    assert run.exit["pid"] == 0


def test_environment_is_complete_and_ends_with_the_marker(client):
    changes = {"A": "1", "SWITCHYARD_LAUNCH": "forged", "PWD": "/forged", "Z": "ü\n"}
    run = client.run(argv=["env", "-0"], env={"PATH": os.environ["PATH"], **changes})
    pairs = run.log.decode().rstrip("\0").split("\0")
    assert pairs[-1] == f"SWITCHYARD_LAUNCH={run.launch}"
    assert dict(pair.split("=", 1) for pair in pairs) == {
        "PATH": os.environ["PATH"],
        "A": "1",
        "Z": "ü\n",
        "PWD": f"{run.path}/work",
        "SWITCHYARD_LAUNCH": run.launch,
    }


def test_job_works_in_its_own_directory_unless_one_is_given(client, tmp_path):
    run = client.run("pwd; touch here")
    assert run.log.decode() == f"{run.path}/work\n"
    assert (run.path / "work" / "here").exists()
    assert client.run("pwd", cwd=str(tmp_path)).log.decode() == f"{tmp_path}\n"


def test_job_leads_a_session_and_inherits_no_descriptor(client):
    run = client.run(
        argv=["python3", "-c", "import os; print(os.listdir('/proc/self/fd'), os.getsid(0))"]
    )
    # The last one is the directory that is being listed.
    assert run.log.decode() == f"['0', '1', '2', '3'] {run.exit['pid']}\n"


def test_job_has_the_ordinary_descriptor_limit(instance, start_launcher):
    run = start_launcher(instance, soft_limit=200).connect().run("ulimit -n")
    assert run.log == b"200\n"


def test_job_has_ordinary_signals_although_its_starter_ignored_some(instance, start_launcher):
    before = signal.signal(signal.SIGINT, signal.SIG_IGN)
    try:
        launcher = start_launcher(instance)
    finally:
        signal.signal(signal.SIGINT, before)
    run = launcher.connect().run("#!/bin/sh\ngrep -E 'Sig(Blk|Ign)' /proc/self/status\n")
    masks = [int(line.split()[1], 16) for line in run.log.splitlines()]
    # The C library keeps signals 32 and 33 to itself: no program can reset them.
    assert [mask & ~(0b11 << 31) for mask in masks] == [0, 0]


def test_whole_stdin_arrives(client):
    text = '{"xy":1,"name":"é"}\n' * 100_000
    run = client.run("wc -c", stdin=text)
    assert int(run.log) == len(text.encode())


def test_stdin_that_nobody_reads_holds_nobody_up(client):
    run = client.run("echo done", stdin="x" * 10_000_000)
    assert run.log == b"done\n"
    assert run.exit["code"] == 0


def test_exit_code_and_signal_are_recorded(client):
    failed = client.run("exit 37").exit
    assert (failed["code"], failed["signal"], failed["aborted"]) == (37, None, False)
    killed = client.run("kill -USR1 $$").exit
    assert (killed["code"], killed["signal"]) == (None, "SIGUSR1")


def test_exit_record_has_the_final_sizes_and_its_fixed_size(client):
    run = client.run('echo text; echo \'{"xy":1,"progress":1}\'')
    assert run.exit["log"] == len(run.log) == 5
    assert run.exit["messages"] == [0, (run.path / "messages.0").stat().st_size]
    assert (run.path / "exit").stat().st_size == 4096
    assert abs(run.exit["at"] - time.time()) < 30


def test_meta_names_the_process(client):
    run = client.launch("sleep 60")
    event = client.expect("spawned", run)
    stat = Path(f"/proc/{event['pid']}/stat").read_text().rpartition(")")[2].split()
    assert run.meta == {
        "job": run.job,
        "launch": run.launch,
        "pid": event["pid"],
        "start": int(stat[19]),
        "boot": Path("/proc/sys/kernel/random/boot_id").read_text().strip(),
        "spawned": event["at"],
    }


def test_run_directory_is_private(client):
    run = client.run("true")
    assert [path.stat().st_mode & 0o777 for path in (run.path, run.path / "work")] == [0o700] * 2
    assert (run.path / "script").stat().st_mode & 0o777 == 0o700
    assert (run.path / "log").stat().st_mode & 0o777 == 0o600


@pytest.mark.skipif(os.geteuid() != 0, reason="only root may change users")
def test_job_of_another_user_has_its_groups_and_its_working_directory(
    start_launcher, tmp_path_factory
):
    base = tmp_path_factory.getbasetemp()
    for path in (base, *base.parents):
        if not path.stat().st_mode & 0o001:
            path.chmod(path.stat().st_mode | 0o011)
    instance = base / "for-others"
    instance.mkdir(mode=0o755)
    nobody = pwd.getpwnam("nobody")
    client = start_launcher(instance).connect()
    script = "#!/bin/sh\nid -u; id -g; touch mine; echo out > /dev/stdout; ls $PWD; head -c3\n"
    for uid in ("nobody", str(nobody.pw_uid)):
        run = client.run(script, uid=uid, stdin="abc")
        assert run.log.decode() == f"{nobody.pw_uid}\n{nobody.pw_gid}\nout\nmine\nabc"
        assert (run.path / "work").stat().st_uid == nobody.pw_uid
    assert client.run("id -G", uid="4242424").log == b"4242424\n"
    assert client.run("id -u; id -g", gid="nogroup").log.split()[0] == b"0"


def test_same_launch_twice_runs_once(client):
    run = client.launch("echo once; sleep 0.3")
    first = client.expect("spawned", run)
    client.send(op="launch", launch=run.launch, job=run.job, argv=["echo"], env={}, kill="all")
    assert client.expect("spawned", run) == first
    client.end_of(run)
    client.send(op="launch", launch=run.launch, job=run.job, argv=["echo"], env={}, kill="all")
    client.expect("exited", run)
    assert run.log == b"once\n"


def test_launch_whose_directory_is_of_another_launcher_is_unknown(client, launcher):
    other = launcher.instance / "runs" / "jx" / "lx"
    other.mkdir(parents=True)
    client.send(
        op="launch", launch="lx", job="jx", argv=["touch", str(other / "ran")], env={}, kill="all"
    )
    assert client.expect("unknown") == {"op": "unknown", "launch": "lx", "job": "jx"}
    assert list(other.iterdir()) == []


def test_many_launches_at_once_all_end(client):
    runs = [client.launch(f"echo {number}; exit {number}") for number in range(200)]
    for number, run in enumerate(runs):
        assert client.end_of(run)["code"] == number
        assert run.log == b"%d\n" % number


def test_written_script_is_never_busy(client):
    runs = [client.launch("#!/bin/sh\necho ran\n") for _ in range(300)]
    assert {client.end_of(run)["error"] for run in runs} == {None}


def test_background_process_that_holds_stdout_keeps_the_run_alive(client):
    run = client.launch("(sleep 0.7; echo late) & echo early")
    client.expect("output", run)
    began = time.monotonic()
    client.end_of(run)
    assert time.monotonic() - began > 0.4
    assert run.log == b"early\nlate\n"


def test_background_process_without_the_pipes_is_left_alone(client):
    run = client.run("sleep 60 >/dev/null 2>&1 & echo $!")
    assert Path(f"/proc/{int(run.log)}").exists()


def test_more_jobs_than_the_ordinary_descriptor_limit(instance, start_launcher):
    if resource.getrlimit(resource.RLIMIT_NOFILE)[1] < 400:
        pytest.skip("the hard limit of descriptors is too low")
    client = start_launcher(instance, soft_limit=64).connect()
    runs = [client.launch("ulimit -n; sleep 60") for _ in range(60)]
    for run in runs:
        client.expect("spawned", run)
    until(lambda: all(run.log == b"64\n" for run in runs))
    for run in runs:
        client.abort(run)
    assert {client.end_of(run)["signal"] for run in runs} == {"SIGTERM"}
