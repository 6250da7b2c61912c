"""A real launcher process for each test, and what tests ask of it."""

import os
import signal
import subprocess

import pytest

from tests.launcher.client import LauncherProcess, descendants


@pytest.fixture
def instance(tmp_path):
    path = tmp_path / "instance"
    path.mkdir()
    return path


@pytest.fixture
def start_launcher():
    """Start launchers for an instance; whatever they leave is killed afterwards."""
    started = []

    def start(instance, **options):
        launcher = LauncherProcess(instance, **options)
        started.append(launcher)
        return launcher

    yield start
    for launcher in started:
        # The launcher is a subreaper: every process of its jobs is its descendant.
        left = descendants(launcher.pid)
        launcher.end()
        for pid in left:
            try:
                os.kill(pid, signal.SIGKILL)
            except ProcessLookupError:
                continue


@pytest.fixture
def launcher(start_launcher, instance):
    return start_launcher(instance)


@pytest.fixture
def client(launcher):
    return launcher.connect()


@pytest.fixture
def tmpfs(tmp_path):
    """A file system of one MiB as the instance directory."""
    if os.geteuid() != 0:
        pytest.skip("mounting a small file system takes root")
    path = tmp_path / "small"
    path.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", "size=1m", "tmpfs", str(path)]
    if subprocess.run(mount, check=False).returncode != 0:
        pytest.skip("this host does not let us mount a file system")
    yield path
    subprocess.run(["umount", "--lazy", str(path)], check=True)
