"""Real servers for benchmarks: Switchyard with an instance of its own, and a bare Flask view."""

import contextlib
import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Mapping
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from bench import processes
from bench.client import Connection, UnexpectedReplyError

ROOT = Path(__file__).resolve().parent.parent
KEY = "key-of-the-benchmarks"
_START_SECONDS = 60.0
_STOP_SECONDS = 20.0
#: /tmp is often in memory, where a commit costs nothing: /var/tmp lies on a disk.
_FOLDER = "/var/tmp"  # noqa: S108 - mkdtemp makes a private folder in it


class Server:
    """A server process that is started for one benchmark and ended with it."""

    #: What answers once all is ready.
    ready_path = "/"

    def __init__(self, settings: Mapping[str, str] | None = None) -> None:
        #: Variables of the environment that it gets beside our own.
        self._settings = settings or {}
        self.folder = Path(tempfile.mkdtemp(prefix="switchyard-bench-", dir=_FOLDER))
        self.port = _free_port()
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def pid(self) -> int:
        """The process that was started; all others are below it."""
        if self._process is None:
            raise RuntimeError("the server has not been started")
        return self._process.pid

    @property
    def workers(self) -> list[int]:
        """The web server's worker processes."""
        return processes.children(self.pid)

    @property
    def all_processes(self) -> list[int]:
        """Every process that belongs to the server."""
        return processes.with_descendants(self.pid)

    def connect(self) -> Connection:
        """A new connection, allowed to do everything."""
        return Connection(self.port, KEY)

    def __enter__(self) -> Self:
        try:
            self._start()
            self._await_ready()
        except BaseException:
            self._stop()
            raise
        return self

    def __exit__(
        self,
        _type: type[BaseException] | None,
        _error: BaseException | None,
        _trace: TracebackType | None,
    ) -> None:
        self._stop()

    def _command(self) -> list[str]:
        raise NotImplementedError

    def _start(self) -> None:
        settings = {
            "SWITCHYARD_INSTANCE_PATH": str(self.folder / "instance"),
            "SWITCHYARD_BIND": f"127.0.0.1:{self.port}",
            "SWITCHYARD_ADMIN_KEY": KEY,
        }
        ours = {name: value for name, value in os.environ.items() if "SWITCHYARD" not in name}
        with (self.folder / "out").open("wb") as out:
            self._process = subprocess.Popen(
                [sys.executable, *self._command()],
                cwd=ROOT,
                env={**ours, **settings, **self._settings},
                stdin=subprocess.DEVNULL,
                stdout=out,
                stderr=subprocess.STDOUT,
                # Ctrl-C ends the benchmark, and that ends its server in an orderly way.
                start_new_session=True,
            )

    def _await_ready(self) -> None:
        deadline = time.monotonic() + _START_SECONDS
        while not self._is_ready():
            has_ended = self._process is not None and self._process.poll() is not None
            if has_ended or time.monotonic() >= deadline:
                raise RuntimeError(f"no server came up:\n{(self.folder / 'out').read_text()}")
            time.sleep(0.05)

    def _is_ready(self) -> bool:
        with contextlib.suppress(OSError, UnexpectedReplyError), self.connect() as connection:
            connection.get(self.ready_path)
            return True
        return False

    def _stop(self) -> None:
        self._end_process()
        self._end_others()
        shutil.rmtree(self.folder, ignore_errors=True)

    def _end_process(self) -> None:
        if self._process is not None:
            self._process.terminate()
            try:
                self._process.wait(_STOP_SECONDS)
            except subprocess.TimeoutExpired:
                self._process.kill()
                self._process.wait()

    def _end_others(self) -> None:
        """End what belongs to the server and is nobody's child."""


class BareServer(Server):
    """`bench.bare_app` under the same gunicorn configuration."""

    ready_path = "/bare"

    def _command(self) -> list[str]:
        return ["-m", "gunicorn", "-c", "gunicorn.conf.py", "bench.bare_app:app"]


class Switchyard(Server):
    """The whole product, as `make serve` starts it."""

    ready_path = "/ready"

    def _command(self) -> list[str]:
        return ["deploy/serve.py"]

    @property
    def engine(self) -> int:
        """The engine's process."""
        return next(
            pid for pid in processes.children(self.pid) if "engine" in processes.arguments(pid)
        )

    @property
    def workers(self) -> list[int]:
        """The web server's worker processes."""
        return [
            worker
            for pid in processes.children(self.pid)
            if "gunicorn" in processes.arguments(pid)
            for worker in processes.children(pid)
        ]

    @property
    def launchers(self) -> list[int]:
        """The launchers' processes; they are nobody's children."""
        infos = (self.folder / "instance" / "launchers").glob("*/info")
        return [int(json.loads(path.read_text())["pid"]) for path in infos]

    @property
    def all_processes(self) -> list[int]:
        """Every process that belongs to the server."""
        return [*super().all_processes, *self.launchers]

    def create_event(self, script: str, **keys: Any) -> str:
        """Create an event that runs a shell script; returns its id."""
        event = {
            "title": "Benchmark",
            "enabled": True,
            "category": "general",
            "targets": ["main"],
            "algo": "random",
            "plugin": "shellplug",
            "params": {"script": script},
            "triggers": [{"type": "manual", "enabled": True}],
        }
        with self.connect() as connection:
            reply = connection.call("create_event/v1", **event | keys)
        return str(reply["event"]["id"])

    def _end_others(self) -> None:
        for pid in self.launchers:
            _end_launcher(pid)


def _end_launcher(pid: int) -> None:
    """A launcher ends by itself once its jobs have; it ignores SIGTERM before."""
    deadline = time.monotonic() + _STOP_SECONDS
    with contextlib.suppress(ProcessLookupError):
        while time.monotonic() < deadline:
            os.kill(pid, signal.SIGTERM)
            time.sleep(0.1)
        os.kill(pid, signal.SIGKILL)


def _free_port() -> int:
    with socket.socket() as reserved:
        reserved.bind(("127.0.0.1", 0))
        return int(reserved.getsockname()[1])
