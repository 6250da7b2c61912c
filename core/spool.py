"""Files that are on their way into the instance: small ones in memory, larger ones on disk."""

import io
import os
import shutil
from pathlib import Path
from typing import BinaryIO

from core.aside import aside
from core.ids import random_name

#: Where files wait that are still arriving, beneath the folder of all stored files. No key of a
#: stored file leads there.
FOLDER = ".incoming"
#: Larger files wait on disk.
_MEMORY_BYTES = 256 * 1024
_BLOCK_BYTES = 64 * 1024


class Spool:
    """What came of one file so far; `close()` drops it, unless it was stored before."""

    def __init__(self, files: Path) -> None:
        self._folder = files / FOLDER
        self._file: BinaryIO = io.BytesIO()
        #: Where it waits on disk; None while it is in memory.
        self._path: Path | None = None
        self.size = 0

    def write(self, data: bytes) -> int:
        """Take the next bytes; a slow disk holds up nobody but their sender."""
        self.size += len(data)
        if self._path is not None:
            return aside(self._file.write, data)
        if self.size > _MEMORY_BYTES:
            aside(self._move_to_disk, data)
        else:
            self._file.write(data)
        return len(data)

    def seek(self, offset: int, whence: int = os.SEEK_SET) -> int:
        """Go to a place, as in any file."""
        return self._file.seek(offset, whence)

    def tell(self) -> int:
        """The place where the next read or write starts."""
        return self._file.tell()

    def read(self, size: int = -1) -> bytes:
        """The next bytes, as of any file."""
        return self._file.read(size)

    def close(self) -> None:
        """Drop what is here; may be called twice."""
        self._file.close()
        if self._path is not None:
            self._path.unlink(missing_ok=True)

    def save(self, target: Path) -> None:
        """Give it a name in the instance, durably; slow, and it must not be there yet."""
        if self._path is None:
            self._file.seek(0)
            with target.open("xb") as file:
                shutil.copyfileobj(self._file, file, _BLOCK_BYTES)
                file.flush()
                os.fsync(file.fileno())
        else:
            self._file.flush()
            os.fsync(self._file.fileno())
            os.link(self._path, target)

    def _move_to_disk(self, data: bytes) -> None:
        self._folder.mkdir(mode=0o700, exist_ok=True)
        path = self._folder / random_name()
        file = path.open("xb+")
        self._path, memory, self._file = path, self._file, file
        memory.seek(0)
        shutil.copyfileobj(memory, file, _BLOCK_BYTES)
        file.write(data)
