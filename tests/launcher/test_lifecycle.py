"""The launcher process: where it listens, when it ends, what it costs."""

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from tests.launcher.client import MAIN, until


def is_running(launcher):
    return launcher.process.poll() is None


def test_info_tells_who_listens(launcher):
    info = json.loads((launcher.directory / "info").read_text())
    assert (info["protocol"], info["pid"]) == (1, launcher.pid)
    assert launcher.directory.name == f"{int(info['started'] * 1000):013d}-{launcher.pid}"
    assert launcher.directory.stat().st_mode & 0o777 == 0o700
    assert sorted(path.name for path in launcher.directory.iterdir()) == ["info", "socket"]


def test_instance_path_of_200_characters_works(start_launcher, tmp_path):
    path = tmp_path / ("x" * (200 - len(str(tmp_path)) - 1))
    path.mkdir()
    assert len(str(path)) == 200
    client = start_launcher(path).connect()
    run = client.launch("echo deep; exec sleep 60")
    until(lambda: (run.path / "log").exists() and run.log == b"deep\n")
    client.abort(run)
    assert client.end_of(run)["signal"] == "SIGTERM"


def test_generations_do_not_touch_each_other(instance, start_launcher):
    older, newer = start_launcher(instance), start_launcher(instance)
    assert older.connect().run("true").exit["code"] == 0
    newer.process.send_signal(signal.SIGTERM)
    newer.process.wait(10)
    assert older.connect().run("true").exit["code"] == 0


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT, signal.SIGHUP])
def test_stop_signal_ends_a_launcher_without_runs(launcher, client, number):
    client.run("true")
    launcher.process.send_signal(number)
    assert launcher.process.wait(10) == 0
    assert not launcher.directory.exists()


def test_stop_signal_is_ignored_while_a_job_runs(launcher, client):
    run = client.launch("sleep 1; echo survived")
    client.expect("spawned", run)
    for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
        launcher.process.send_signal(number)
    client.end_of(run)
    assert run.log == b"survived\n"
    assert is_running(launcher)


def test_launcher_ends_ten_seconds_after_it_became_useless(launcher, client):
    run = client.launch("sleep 1")
    client.expect("spawned", run)
    client.close()
    began = time.monotonic()
    assert launcher.process.wait(30) == 0
    assert 10 < time.monotonic() - began < 15
    assert run.exit["code"] == 0
    assert not launcher.directory.exists()


def test_idle_launcher_does_nothing_and_is_small(launcher, client):
    client.run("true")

    def switches():
        text = Path(f"/proc/{launcher.pid}/status").read_text()
        return [line for line in text.splitlines() if "ctxt_switches" in line]

    # The last look for runs to sample is due within a second.
    time.sleep(1.5)
    before = switches()
    time.sleep(2)
    assert switches() == before
    assert launcher.memory_kib() < 20 * 1024


def test_no_descriptor_leaks(launcher, client):
    def descriptors():
        return sorted(os.listdir(f"/proc/{launcher.pid}/fd"))

    def exercise():
        kept = client.launch("trap '' TERM; echo on; sleep 60")
        client.expect("output", kept)
        for script in ("echo x", "echo '{\"xy\":1}'", "echo x >&2", "exit 3"):
            client.run(script)
        client.run(argv=["no-such-program"])
        client.run(argv=["true"], uid="no-such-user")
        client.abort(kept, grace=0.1)
        client.end_of(kept)

    exercise()
    before = descriptors()
    for _ in range(5):
        exercise()
    assert descriptors() == before


def test_orphans_of_jobs_are_collected(launcher, client):
    client.run("for i in 1 2 3 4 5; do (sleep 0.2 >/dev/null 2>&1 &); done")

    def children():
        text = Path(f"/proc/{launcher.pid}/task/{launcher.pid}/children").read_text()
        return text.split()

    until(lambda: not children())


@pytest.mark.parametrize(
    "arguments", [[], ["--instance"], ["--other", "x"], ["--instance", "a", "b"]]
)
def test_wrong_arguments_are_explained(arguments):
    done = subprocess.run(
        [sys.executable, "-I", str(MAIN), *arguments], capture_output=True, check=False, timeout=20
    )
    assert done.returncode == 2
    assert done.stderr.startswith(b"usage: ")


def test_launcher_imports_nothing_but_the_standard_library():
    code = (
        f"import sys; sys.path.insert(0, {str(MAIN.parents[1])!r})\n"
        "import launcher.server\n"
        "print(*{name.partition('.')[0] for name in sys.modules} - sys.stdlib_module_names)"
    )
    done = subprocess.run(
        [sys.executable, "-I", "-S", "-c", code], capture_output=True, check=True, text=True
    )
    assert set(done.stdout.split()) <= {"launcher", "__main__"}
