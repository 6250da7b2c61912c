"""A whole product for a test: `make serve` in a folder of its own, used by HTTP and signals."""

import itertools
import json
import os
import signal
import socket
import subprocess
import sys
from pathlib import Path

import httpx

from tests.processes import (
    all_pids,
    children_of,
    command_line,
    environment,
    is_alive,
    kill,
    until,
)

ROOT = Path(__file__).resolve().parents[1]
ADMIN_KEY = "the-admin-key-of-the-tests"

_numbers = itertools.count(1)


class Server:
    """An instance, the supervisor that serves it, and a client with the admin key."""

    def __init__(self, folder: Path, **settings):
        self.folder = folder
        self.instance = folder / "instance"
        self.settings = settings
        self.process = None
        self._starts = 0
        self.port = _free_port()
        self.url = f"http://127.0.0.1:{self.port}"
        self._clients = []
        self.client = self.client_with(ADMIN_KEY)

    # The processes

    def start(self):
        """`make serve`, until it says that it is ready."""
        assert not self.is_running
        self._starts += 1
        with self._output_path.open("w") as output:
            self.process = subprocess.Popen(
                ["make", "serve", f"VENV={_environment_folder(self.folder)}"],
                cwd=ROOT,
                env=self._environment(),
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )
        until(self._is_up, 60, f"start of the server; it printed: {self.output()}")
        return self

    @property
    def is_running(self):
        """Whether the supervisor runs."""
        return self.process is not None and self.process.poll() is None

    def _is_up(self):
        assert self.process.poll() is None, self.output()
        return "is ready at" in self.output() and self._engine_leads()

    def _engine_leads(self):
        response = self.client.get(f"{self.url}/ready")
        return response.status_code == 200

    def _environment(self):
        kept = {key: value for key, value in os.environ.items() if "SWITCHYARD" not in key}
        return kept | {
            "SWITCHYARD_INSTANCE_PATH": str(self.instance),
            "SWITCHYARD_BIND": f"127.0.0.1:{self.port}",
            "SWITCHYARD_ADMIN_KEY": ADMIN_KEY,
            "SWITCHYARD_ABORT_GRACE": "1",
            "SWITCHYARD_MIN_FREE_BYTES": "1048576",
            **{f"SWITCHYARD_{key}": str(value) for key, value in self.settings.items()},
        }

    @property
    def _output_path(self):
        return self.folder / f"output.{self._starts}"

    def output(self):
        """What the supervisor and its children have printed since the last start."""
        return self._output_path.read_text()

    @property
    def supervisor(self):
        """The process behind make."""
        (pid,) = children_of(self.process.pid)
        return pid

    @property
    def engine(self):
        """The engine's process; nothing while it is being started again."""
        return next(iter(self._children_with(" engine")), None)

    @property
    def workers(self):
        """The web workers' processes."""
        masters = self._children_with("gunicorn")
        return [pid for master in masters for pid in children_of(master)]

    @property
    def launchers(self):
        """The processes of all launchers of the instance."""
        infos = [path.read_text() for path in self.instance.glob("launchers/*/info")]
        pids = [json.loads(info)["pid"] for info in infos]
        return [pid for pid in pids if str(self.instance) in command_line(pid) and is_alive(pid)]

    def _children_with(self, word):
        return [pid for pid in children_of(self.supervisor) if word in command_line(pid)]

    def job_processes(self):
        """The processes of the instance's jobs."""
        marker = f"={self.instance}/runs/".encode()
        return [pid for pid in all_pids() if marker in environment(pid) and is_alive(pid)]

    def stop(self, number=signal.SIGTERM, *, group=False):
        """End the supervisor with a signal; to `group`: as a terminal's Ctrl-C does."""
        # An idle connection of ours would be waited for.
        self._close_clients()
        process, self.process = self.process, None
        (os.killpg if group else os.kill)(process.pid, number)
        process.wait(20)
        self.client = self.client_with(ADMIN_KEY)

    def start_engine(self):
        """A further engine of this instance, which leads when the others don't; its process."""
        return subprocess.Popen(
            [sys.executable, "-m", "flask", "--app", "app", "engine"],
            cwd=ROOT,
            env=self._environment(),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )

    def clear(self):
        """End everything that is left of it."""
        if self.is_running:
            self.stop()
        self._close_clients()
        for pid in [*self.launchers, *self.job_processes()]:
            kill(pid, signal.SIGKILL)

    def _close_clients(self):
        while self._clients:
            self._clients.pop().close()

    # The API

    def client_with(self, key):
        """A client that sends this key."""
        headers = {"X-API-Key": key} if key else {}
        client = httpx.Client(base_url=self.url, headers=headers, timeout=60, trust_env=False)
        self._clients.append(client)
        return client

    def post(self, name, body=None, *, client=None, **options):
        """POST to an API; the response."""
        if body is not None:
            options["json"] = body
        return (client or self.client).post(f"/api/app/{name}/v1", **options)

    def get(self, name, client=None, headers=None, **params):
        """GET from an API; the response."""
        return (client or self.client).get(f"/api/app/{name}/v1", params=params, headers=headers)

    def call(self, name, **params):
        """POST to an API that must succeed; its reply."""
        response = self.post(name, params)
        assert response.status_code == 200, response.text
        reply = response.json()
        assert reply["code"] == 0, reply
        return reply

    def event(self, script="#!/bin/sh\ntrue\n", **changes):
        """Create an event; returns its id."""
        number = next(_numbers)
        event = {
            "id": f"test{number}",
            "title": f"Test {number}",
            "enabled": True,
            "category": "general",
            "targets": ["main"],
            "algo": "random",
            "plugin": "shellplug",
            "params": {"script": script},
            "triggers": [{"type": "manual", "enabled": True}],
        } | changes
        return self.call("create_event", **event)["event"]["id"]

    def plugin(self, command="/bin/sh", **changes):
        """Create a plugin, of the type `event` unless it is told; returns its id."""
        number = next(_numbers)
        plugin = {"id": f"plugin{number}", "title": f"Plugin {number}", "type": "event"}
        plugin |= {"command": command} | changes
        return self.call("create_plugin", **plugin)["plugin"]["id"]

    def run(self, script=None, **wishes):
        """Run a script, or the event `id`; returns the job's id."""
        if script is not None:
            wishes["id"] = self.event(script)
        return self.call("run_event", **wishes)["id"]

    def run_and_wait(self, script=None, **wishes):
        """Run a script, or the event `id`, to its end; returns the job."""
        if script is not None:
            wishes["id"] = self.event(script)
        response = self.client.post("/api/app/run_event/v1/wait", json=wishes, timeout=120)
        assert response.status_code == 200, response.text
        return response.json()["job"]

    def job(self, job_id):
        """A job as get_job shows it."""
        return self.call("get_job", id=job_id)["job"]

    def wait(self, job_id, condition=lambda job: job.get("final"), seconds=30.0):
        """Poll get_job until the condition holds; returns the job."""

        def look():
            job = self.job(job_id)
            return job if condition(job) else None

        return until(look, seconds, f"the awaited of job {job_id}, now {self.job(job_id)!r:.2000}")

    def wait_for_state(self, job_id, state):
        """Poll until the job is in a state."""
        return self.wait(job_id, lambda job: job["state"] == state)

    def wait_for_log(self, job_id, text):
        """Poll until the job's log has a text."""
        until(lambda: text in self.log(job_id).decode("utf-8", "replace"), what=f"{text!r} in log")

    def log(self, job_id):
        """A job's log, byte for byte."""
        response = self.get("get_job_log", id=job_id, headers={"Accept-Encoding": "identity"})
        assert response.status_code in (200, 204), response.text
        return response.content

    def key(self, *privileges, **changes):
        """Create an API key; returns its id and a client with it."""
        title = f"Key {next(_numbers)}"
        wanted = {"title": title, "active": 1, "privileges": dict.fromkeys(privileges, True)}
        reply = self.call("create_api_key", **(wanted | changes))
        return reply["api_key"], self.client_with(reply["plain_key"])


def messages(job):
    """The texts of a job's activity, in order."""
    return [entry["msg"] for entry in job["activity"]]


def _environment_folder(folder):
    """A virtual environment in which all is installed: the one that runs these tests."""
    binaries = folder / "venv" / "bin"
    binaries.mkdir(parents=True, exist_ok=True)
    python = binaries / "python"
    python.write_text(f'#!/bin/sh\nexec {sys.executable} "$@"\n')
    python.chmod(0o755)
    for name in ("runtime", "postgres"):
        (folder / "venv" / f"{name}.stamp").touch()
    return folder / "venv"


def _free_port():
    with socket.socket() as reserved:
        reserved.bind(("127.0.0.1", 0))
        return reserved.getsockname()[1]
