"""The directory of one launcher generation: its socket, its `info` file, their removal."""

from __future__ import annotations

import contextlib
import json
import os
import socket
import time

PROTOCOL = 1


class Generation:
    """`launchers/<unix ms>-<pid>/` while this launcher lives."""

    def __init__(self, launchers_dir: str) -> None:
        os.makedirs(launchers_dir, mode=0o700, exist_ok=True)
        started = time.time()
        self._path = f"{launchers_dir}/{int(started * 1000):013d}-{os.getpid()}"
        os.mkdir(self._path, 0o700)
        self.socket = self._listen()
        self._write_info(started)

    def remove(self) -> None:
        """Stop listening and take the directory away, so that engines look elsewhere."""
        for name in ("socket", "info"):
            with contextlib.suppress(OSError):
                os.unlink(f"{self._path}/{name}")
        with contextlib.suppress(OSError):
            os.rmdir(self._path)
        self.socket.close()

    def _listen(self) -> socket.socket:
        listener = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM | socket.SOCK_NONBLOCK)
        # A socket address holds 107 bytes; a name below a directory descriptor always fits.
        directory = os.open(self._path, os.O_RDONLY | os.O_DIRECTORY)
        try:
            listener.bind(f"/proc/self/fd/{directory}/socket")
        finally:
            os.close(directory)
        listener.listen(64)
        return listener

    def _write_info(self, started: float) -> None:
        """Written last and at once: whoever reads `info` can connect."""
        info = {"protocol": PROTOCOL, "pid": os.getpid(), "started": started}
        temporary = f"{self._path}/info.new"
        with open(temporary, "w", encoding="utf-8") as file:
            json.dump(info, file)
        os.rename(temporary, f"{self._path}/info")
