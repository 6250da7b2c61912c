"""The engine's side of the launcher's socket, as small as tests need it."""

import contextlib
import itertools
import json
import os
import socket
import subprocess
import sys
import time
from pathlib import Path

MAIN = Path(__file__).resolve().parents[2] / "launcher" / "__main__.py"
DEADLINE_SECONDS = 30

_numbers = itertools.count(1)


def until(condition, seconds=DEADLINE_SECONDS):
    """Poll until the condition gives something true, and return that."""
    deadline = time.monotonic() + seconds
    while not (value := condition()):
        assert time.monotonic() < deadline, "the awaited did not happen"
        time.sleep(0.01)
    return value


def descendants(pid):
    """The processes below `pid`, zombies left out."""
    parents = {}
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit():
            with contextlib.suppress(OSError):
                state, parent = (entry / "stat").read_text("latin-1").rpartition(")")[2].split()[:2]
                if state not in "ZX":
                    parents[int(entry.name)] = int(parent)
    found, grown = {pid}, True
    while grown:
        below = {child for child, parent in parents.items() if parent in found} - found
        found |= below
        grown = bool(below)
    return found - {pid}


class LauncherProcess:
    """A running launcher and its clients."""

    def __init__(self, instance, soft_limit=None):
        self.instance = Path(instance)
        known = set(self.generations())
        command = [sys.executable, "-I", str(MAIN), "--instance", str(instance)]
        if soft_limit is not None:
            command = ["prlimit", f"--nofile={soft_limit}:", *command]
        self.process = subprocess.Popen(command, stdin=subprocess.DEVNULL, start_new_session=True)
        self.pid = self.process.pid
        self.clients = []
        self.directory = until(
            lambda: next((one for one in self.generations() if one not in known), None)
        )

    def generations(self):
        return [path.parent for path in self.instance.glob("launchers/*-*/info")]

    def connect(self, *, hello=True, epoch=1):
        client = Client(self, epoch)
        self.clients.append(client)
        if hello:
            client.send(op="hello")
            client.greeting = client.expect("hello")
        return client

    def end(self):
        for client in self.clients:
            client.close()
        self.process.kill()
        self.process.wait()

    def memory_kib(self):
        """Proportional set size."""
        text = Path(f"/proc/{self.pid}/smaps_rollup").read_text()
        return int(next(line for line in text.splitlines() if line.startswith("Pss:")).split()[1])


class Client:
    """One connection; frames that nobody awaited yet are kept in `frames`."""

    def __init__(self, launcher, epoch):
        self.launcher = launcher
        self.epoch = epoch
        self.frames = []
        self.socket = socket.socket(socket.AF_UNIX)
        directory = os.open(launcher.directory, os.O_RDONLY)
        try:
            self.socket.connect(f"/proc/self/fd/{directory}/socket")
        finally:
            os.close(directory)
        self.socket.settimeout(DEADLINE_SECONDS)
        self.reader = self.socket.makefile("rb")

    def close(self):
        self.reader.close()
        self.socket.close()

    def send(self, **frame):
        self.socket.sendall(json.dumps({"epoch": self.epoch, **frame}).encode() + b"\n")

    def receive(self):
        """The next frame, or None when the launcher has closed the connection."""
        try:
            line = self.reader.readline()
        except ConnectionResetError:
            return None
        return json.loads(line) if line.endswith(b"\n") else None

    def expect(self, op, run=None, where=lambda frame: True):
        """The next frame of that kind, of one run if given."""

        def fits(frame):
            launch = run.launch if run is not None else frame.get("launch")
            return frame["op"] == op and frame.get("launch") == launch and where(frame)

        for frame in self.frames:
            if fits(frame):
                self.frames.remove(frame)
                return frame
        deadline = time.monotonic() + DEADLINE_SECONDS
        while frame := self.receive():
            if fits(frame):
                return frame
            self.frames.append(frame)
            assert time.monotonic() < deadline, f"no {op} came"
        raise AssertionError(f"the launcher closed the connection, no {op} came")

    def launch(self, script=None, **changes):
        """Order a run; return it without waiting for anything."""
        run = RunDirectory(self.launcher.instance, changes.pop("job", f"j{next(_numbers)}"))
        order = {
            "launch": run.launch,
            "job": run.job,
            "argv": None,
            "script": script,
            "shell": False,
            "annotate": False,
            "cwd": None,
            "env": {"PATH": os.environ["PATH"]},
            "stdin": "",
            "uid": "",
            "gid": "",
            "kill": "all",
        }
        self.send(op="launch", **{**order, **changes})
        return run

    def abort(self, run, kill="all", grace=5):
        self.send(op="abort", launch=run.launch, kill=kill, grace=grace)

    def end_of(self, run):
        """Wait for the end of a run; return its exit record."""
        self.expect("exited", run)
        return run.exit

    def run(self, script=None, **changes):
        """Run something to its end; return the run."""
        run = self.launch(script, **changes)
        self.end_of(run)
        return run


class RunDirectory:
    """What the launcher wrote about one run."""

    def __init__(self, instance, job):
        self.job = job
        self.launch = f"l{next(_numbers)}"
        self.path = instance / "runs" / job / self.launch

    @property
    def exit(self):
        return json.loads((self.path / "exit").read_bytes())

    @property
    def meta(self):
        return json.loads((self.path / "meta").read_bytes())

    @property
    def log(self):
        return (self.path / "log").read_bytes()

    @property
    def records(self):
        """All records as pairs of kind and text."""
        pairs = []
        for number in range(len(list(self.path.glob("messages.*")))):
            lines = (self.path / f"messages.{number}").read_bytes().split(b"\n")
            assert lines.pop() == b""
            pairs += [(line[:2].decode(), line[2:]) for line in lines]
        return pairs

    @property
    def messages(self):
        return [json.loads(text) for kind, text in self.records if kind == "M "]

    @property
    def notes(self):
        return [json.loads(text)["msg"] for kind, text in self.records if kind == "N "]
