"""The doorbell: tells other processes that something in the database changed, and no more.

Each listener binds a datagram socket under `instance/bells/`; ringing sends one byte to each.
A ring carries nothing and promises nothing: who hears it reads again what it cares about.
"""

import os
import socket
import uuid
from pathlib import Path

from flask import current_app

_RING = b"\0"


class Bell:
    """One listener's socket: becomes readable when somebody rang."""

    def __init__(self, instance: Path) -> None:
        self._folder = os.open(instance / "bells", os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
        self.name = f"{os.getpid()}-{uuid.uuid4().hex[:8]}"
        self.socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self.socket.bind(_address(self._folder, self.name))
        self.socket.setblocking(False)

    def drain(self) -> None:
        """Take all rings that have come so far."""
        try:
            while self.socket.recv(64):
                pass
        except BlockingIOError:
            return

    def close(self) -> None:
        """Stop listening."""
        self.socket.close()
        try:
            os.unlink(self.name, dir_fd=self._folder)
        finally:
            os.close(self._folder)


class Ringer:
    """The sending side: one unbound socket and the folder of all listeners."""

    def __init__(self, instance: Path) -> None:
        self._folder = os.open(instance / "bells", os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
        self._socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self._socket.setblocking(False)

    def ring(self, skip: str = "") -> None:
        """Wake every listener but the one named `skip`; never waits."""
        for name in os.listdir(self._folder):
            if name == skip:
                continue
            try:
                self._socket.sendto(_RING, _address(self._folder, name))
            except BlockingIOError:
                # Its buffer is full of rings that it has not taken yet: it will look anyway.
                continue
            except (ConnectionRefusedError, FileNotFoundError):
                self._remove(name)

    def _remove(self, name: str) -> None:
        """Forget a listener whose process is gone."""
        try:
            os.unlink(name, dir_fd=self._folder)
        except FileNotFoundError:
            return


def ring() -> None:
    """Ring for the current application; call it after the commit, never before."""
    extensions = current_app.extensions
    if "switchyard_ringer" not in extensions:
        extensions["switchyard_ringer"] = Ringer(current_app.config["INSTANCE_PATH"])
    extensions["switchyard_ringer"].ring()


def _address(folder: int, name: str) -> str:
    """The address by way of a directory descriptor: full paths may be too long for a socket."""
    return f"/proc/self/fd/{folder}/{name}"
