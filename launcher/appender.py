"""Files of a run that only grow, and that wait out a full disk without losing a byte."""

from __future__ import annotations

import contextlib
import os

#: A message segment that has passed this size is followed by the next one.
SEGMENT_BYTES = 4 * 1024 * 1024


class Appender:
    """One growing file; what the disk refused is kept in memory and written later."""

    def __init__(self, path: str) -> None:
        self._path = path
        self._fd = -1
        self._unwritten = bytearray()
        #: Bytes on disk.
        self.size = 0

    @property
    def blocked(self) -> bool:
        return bool(self._unwritten)

    def write(self, data: bytes) -> None:
        if self._unwritten:
            self._unwritten += data
            return
        written = self._write(data)
        if written < len(data):
            self._unwritten += data[written:]

    def flush(self) -> None:
        """Try again to write what the disk refused."""
        del self._unwritten[: self._write(self._unwritten)]

    def drop_unwritten(self, size: int) -> None:
        """Give up what is not on disk, and what is there beyond `size`."""
        self._unwritten.clear()
        if self.size > size:
            with contextlib.suppress(OSError):
                os.truncate(self._path, size)
            self.size = size

    def close(self) -> None:
        if self._fd >= 0:
            os.close(self._fd)
            self._fd = -1

    def _write(self, data: bytes | bytearray) -> int:
        """Write as much as the disk takes and say how much that was."""
        done = 0
        try:
            if self._fd < 0:
                flags = os.O_WRONLY | os.O_CREAT | os.O_APPEND
                self._fd = os.open(self._path, flags, 0o600)
            while done < len(data):
                done += os.write(self._fd, memoryview(data)[done:])
        except FileNotFoundError:
            # The job has deleted its own folder: what it says now has no place any more.
            return len(data)
        except OSError:
            # Full, over quota, or failing: the job waits at its pipe and nothing is lost.
            pass
        self.size += done
        return done


class MessageLog:
    """The segments `messages.N` of one run; a record never spans two of them."""

    def __init__(self, run_dir: str) -> None:
        self._run_dir = run_dir
        self._segment = 0
        self._appender = Appender(self._path())
        self._complete_bytes = 0

    @property
    def position(self) -> list[int]:
        """Number of the newest segment and its size in whole records."""
        return [self._segment, self._complete_bytes]

    @property
    def blocked(self) -> bool:
        return self._appender.blocked

    def append(self, record: bytes) -> None:
        """Add one or more records, each of which ends with its newline."""
        if not self.blocked and self._appender.size > SEGMENT_BYTES:
            self._next_segment()
        self._appender.write(record)
        self._note_complete()

    def flush(self) -> None:
        self._appender.flush()
        self._note_complete()

    def drop_unwritten(self) -> None:
        self._appender.drop_unwritten(self._complete_bytes)

    def close(self) -> None:
        self._appender.close()

    def _note_complete(self) -> None:
        if not self._appender.blocked:
            self._complete_bytes = self._appender.size

    def _next_segment(self) -> None:
        self._appender.close()
        self._segment += 1
        self._appender = Appender(self._path())
        self._complete_bytes = 0

    def _path(self) -> str:
        return f"{self._run_dir}/messages.{self._segment}"
