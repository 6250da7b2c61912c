"""A house with stub tenants: the real supervisor and gunicorn around a tiny application."""

import os
import shutil
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

import httpx
import pytest

ROOT = Path(__file__).resolve().parents[2]
STUB = Path(__file__).with_name("stub_app.py")


def wait_for(condition: Callable[[], object], what: str, seconds: float = 20) -> None:
    """Poll until `condition()` is true; fail with `what` was awaited."""
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, f"no {what} within {seconds} s"
        time.sleep(0.02)


def is_alive(pid: int) -> bool:
    """Whether the process runs; a zombie that nobody reaps does not."""
    try:
        stat = Path(f"/proc/{pid}/stat").read_text()
    except OSError:
        return False
    return stat.rpartition(")")[2].split()[0] != "Z"


def processes_of(root: Path) -> list[int]:
    """Everything that was started in the folder `root`, zombies excepted."""
    found = []
    for entry in Path("/proc").iterdir():
        if not entry.name.isdigit():
            continue
        try:
            cwd = (entry / "cwd").readlink()
        except OSError:
            continue
        if cwd == root and is_alive(int(entry.name)):
            found.append(int(entry.name))
    return found


@dataclass
class House:
    """A folder like the product's, and what the test needs to start and look at it."""

    root: Path
    port: int
    started: list[subprocess.Popen[str]] = field(default_factory=list)

    @property
    def instance(self) -> Path:
        return self.root / "instance"

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def serve(self, *, make: bool = False, **env: str) -> subprocess.Popen[str]:
        """Start the supervisor, or make around it; `env` steers the stub."""
        settings = {
            "SWITCHYARD_INSTANCE_PATH": str(self.instance),
            "SWITCHYARD_BIND": f"127.0.0.1:{self.port}",
            "SWITCHYARD_WORKERS": "2",
        }
        number = len(self.started)
        with (self.root / f"out.{number}").open("w") as out:
            process = subprocess.Popen(
                self._make_command() if make else self._serve_command(),
                cwd=self.root,
                env={**os.environ, **settings, **env},
                stdout=out,
                stderr=subprocess.STDOUT,
                text=True,
                start_new_session=True,
            )
        self.started.append(process)
        return process

    def _serve_command(self) -> list[str]:
        return [sys.executable, str(self.root / "deploy" / "serve.py")]

    def _make_command(self) -> list[str]:
        """`make serve` in a folder where everything is installed already."""
        venv = self.root / "venv"
        (venv / "bin").mkdir(parents=True, exist_ok=True)
        python = venv / "bin" / "python"
        python.write_text(f'#!/bin/sh\nexec {sys.executable} "$@"\n')
        python.chmod(0o755)
        (venv / "runtime.stamp").touch()
        return ["make", "serve", f"VENV={venv}"]

    def serve_until_ready(self, *, make: bool = False, **env: str) -> subprocess.Popen[str]:
        """Start the supervisor and wait for its ready line."""
        process = self.serve(make=make, **env)
        wait_for(lambda: "is ready at" in self.output(), "ready line")
        return process

    def output(self, number: int = -1) -> str:
        """What the supervisor of that number has printed, its children included."""
        number %= len(self.started)
        return (self.root / f"out.{number}").read_text()

    def web_pids(self) -> tuple[int, int]:
        """A worker's process and its parent, the gunicorn master."""
        worker, master = httpx.get(f"{self.url}/pids", timeout=20).json()
        return worker, master

    def engine_pids(self) -> list[int]:
        """All engines that were ever started, in order."""
        path = self.instance / "engine-pids"
        return [int(line) for line in path.read_text().split()] if path.exists() else []


@pytest.fixture
def house(tmp_path: Path) -> Iterator[House]:
    """A fresh house; whatever still runs of it afterwards is killed."""
    root = tmp_path / "house"
    for name in ("core", "deploy"):
        shutil.copytree(ROOT / name, root / name, ignore=shutil.ignore_patterns("__pycache__"))
    for name in ("wsgi.py", "gunicorn.conf.py", "Makefile", "requirements.txt"):
        shutil.copy(ROOT / name, root / name)
    shutil.copy(STUB, root / "app.py")
    with socket.socket() as reserved:
        reserved.bind(("127.0.0.1", 0))
        port = reserved.getsockname()[1]
    house = House(root.resolve(), port)
    yield house
    # The supervisors first, or they would start again what is killed.
    for process in house.started:
        process.kill()
        process.wait()
    for pid in processes_of(house.root):
        os.kill(pid, signal.SIGKILL)
