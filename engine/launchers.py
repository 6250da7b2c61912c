"""The client side of launchers: finding one, starting one, sending commands, hearing events."""

import json
import os
import re
import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from core.config import ROOT

#: The launchers' protocol that we speak.
PROTOCOL = 1
#: Bytes that we leave unsent before we take a launcher for dead.
_MOST_UNSENT = 256 * 1024 * 1024
_CHUNK = 256 * 1024
_GENERATION = re.compile(r"\d{13}-\d+\Z")
#: What a launcher gets of our environment; jobs get theirs with each launch.
_ENVIRONMENT = ("PATH", "HOME", "LANG", "LC_ALL", "TZ", "USER")

Frame = dict[str, Any]


class LauncherGone(Exception):
    """The launcher closed its connection or does not take what we send."""


class Launcher:
    """A connection to one generation of the launcher."""

    def __init__(self, name: str, connection: socket.socket) -> None:
        self.name = name
        self.socket = connection
        self._unsent = bytearray()
        self._received = bytearray()

    def fileno(self) -> int:
        """The descriptor, for selectors."""
        return self.socket.fileno()

    @property
    def wants_to_send(self) -> bool:
        """Whether something waits until the launcher can take it."""
        return bool(self._unsent)

    def send(self, frame: Frame) -> None:
        """Queue one command and send what can be sent now; raises `LauncherGone`."""
        self._unsent += json.dumps(frame).encode() + b"\n"
        if len(self._unsent) > _MOST_UNSENT:
            raise LauncherGone(f"launcher {self.name} takes nothing")
        self.flush()

    def flush(self) -> None:
        """Send as much as the launcher takes without waiting; raises `LauncherGone`."""
        try:
            while self._unsent:
                sent = self.socket.send(memoryview(self._unsent)[:_CHUNK])
                del self._unsent[:sent]
        except BlockingIOError:
            return
        except OSError as error:
            raise LauncherGone(f"launcher {self.name}: {error.strerror}") from error

    def receive(self) -> Iterator[Frame]:
        """All frames that have come so far; raises `LauncherGone` when the launcher has ended."""
        # Whoever waited for one frame alone has left the others here.
        yield from self._frames()
        try:
            while chunk := self.socket.recv(_CHUNK):
                self._received += chunk
                yield from self._frames()
        except BlockingIOError:
            return
        except OSError as error:
            raise LauncherGone(f"launcher {self.name}: {error.strerror}") from error
        raise LauncherGone(f"launcher {self.name} has ended")

    def _frames(self) -> Iterator[Frame]:
        while (end := self._received.find(b"\n")) >= 0:
            line = bytes(self._received[:end])
            del self._received[: end + 1]
            yield json.loads(line)

    def close(self) -> None:
        """End the connection."""
        self.socket.close()


def generations(instance: Path) -> list[str]:
    """The launchers of our protocol that say they are there, newest first."""
    folder = instance / "launchers"
    names = (path.name for path in folder.iterdir() if _GENERATION.match(path.name))
    return sorted((name for name in names if _speaks(folder / name)), reverse=True)


def _speaks(folder: Path) -> bool:
    try:
        info = json.loads((folder / "info").read_text())
    except (OSError, ValueError):
        return False
    return bool(info.get("protocol") == PROTOCOL)


def connect(instance: Path, name: str) -> Launcher | None:
    """Connect to one generation; nothing when it is gone."""
    folder = os.open(instance / "launchers", os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    connection = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    try:
        connection.connect(f"/proc/self/fd/{folder}/{name}/socket")
    except OSError:
        connection.close()
        return None
    finally:
        os.close(folder)
    connection.setblocking(False)
    return Launcher(name, connection)


def start(instance: Path) -> "subprocess.Popen[bytes]":
    """Start a launcher, detached: what ends us must not end the jobs."""
    environment = {name: os.environ[name] for name in _ENVIRONMENT if name in os.environ}
    program = str(ROOT / "launcher" / "__main__.py")
    with (instance / "launcher.log").open("ab") as log:
        return subprocess.Popen(
            [sys.executable, "-I", program, "--instance", str(instance)],
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
            env=environment,
            cwd="/",
            start_new_session=True,
        )
