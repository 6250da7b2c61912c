"""The doorbell beside SQLite: each listener binds a datagram socket under `instance/bells/`.

Ringing sends one byte to each of them.
"""

import os
import socket
import uuid
from contextlib import suppress
from pathlib import Path

_RING = b"\0"


class DatagramBell:
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

    def wake(self) -> None:
        """Ring this bell alone, from another thread of its process."""
        with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as sender:
            sender.setblocking(False)
            # A full buffer holds rings that will wake it anyway.
            with suppress(BlockingIOError):
                sender.sendto(_RING, _address(self._folder, self.name))

    def close(self) -> None:
        """Stop listening."""
        self.socket.close()
        try:
            os.unlink(self.name, dir_fd=self._folder)
        finally:
            os.close(self._folder)


class DatagramRinger:
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

    def close(self) -> None:
        """Give back what it holds."""
        self._socket.close()
        os.close(self._folder)

    def _remove(self, name: str) -> None:
        """Forget a listener whose process is gone."""
        try:
            os.unlink(name, dir_fd=self._folder)
        except FileNotFoundError:
            return


def _address(folder: int, name: str) -> str:
    """The address by way of a directory descriptor: full paths may be too long for a socket."""
    return f"/proc/self/fd/{folder}/{name}"
