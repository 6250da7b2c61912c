"""The highest epoch any launcher of this instance has seen: the fence against an old engine."""

from __future__ import annotations

import contextlib
import fcntl
import os
from collections.abc import Iterator


class Epoch:
    """The file `launchers/epoch`, shared by all generations."""

    def __init__(self, launchers_dir: str) -> None:
        self._dir = launchers_dir
        self._path = f"{launchers_dir}/epoch"
        self._highest = 0

    def highest(self) -> int:
        """The highest epoch seen by this or any other generation."""
        self._highest = max(self._highest, self._stored())
        return self._highest

    def admit(self, epoch: int) -> bool:
        """Say whether a command of this epoch may act, and remember the epoch if it is new."""
        highest = self.highest()
        if epoch > highest:
            self._highest = epoch
            # On a full disk the fence still holds in memory, until a higher epoch comes.
            with contextlib.suppress(OSError):
                self._store(epoch)
        return epoch >= highest

    def _stored(self) -> int:
        try:
            with open(self._path, "rb", buffering=0) as file:
                return int(file.read(64))
        except (FileNotFoundError, ValueError):
            return 0

    def _store(self, epoch: int) -> None:
        with self._locked():
            if epoch <= self._stored():
                return
            temporary = f"{self._path}.{os.getpid()}"
            fd = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
            try:
                os.write(fd, b"%d\n" % epoch)
                os.fsync(fd)
            finally:
                os.close(fd)
            os.rename(temporary, self._path)

    @contextlib.contextmanager
    def _locked(self) -> Iterator[None]:
        """Keep two generations from overwriting a higher epoch with a lower one."""
        fd = os.open(self._dir, os.O_RDONLY | os.O_DIRECTORY)
        try:
            fcntl.flock(fd, fcntl.LOCK_EX)
            yield
        finally:
            os.close(fd)
