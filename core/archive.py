"""The forms in which a log is stored, how each is read, and how the plain one becomes an archive.

An archive is one gzip member whose deflate stream forgets its history at every MiB of plain text,
and an index: the plain size, then the offset in the archive of each of those MiB, all as 64-bit
little-endian numbers. So any range is read by inflating at most one MiB more than it holds.
"""

import fcntl
import hashlib
import os
import struct
import zlib
from abc import ABC, abstractmethod
from collections.abc import Iterator
from io import FileIO
from pathlib import Path
from typing import BinaryIO

#: The largest block that is ever read, inflated or sent; a divisor of `STEP_BYTES`.
BLOCK_BYTES = 64 * 1024
#: Plain bytes between two entries of an archive's index.
STEP_BYTES = 1024 * 1024

_ENTRY = struct.Struct("<Q")
#: zlib writes a gzip header without names or times, which has this fixed length.
_GZIP_HEADER_BYTES = 10
_GZIP_WBITS = 16 + zlib.MAX_WBITS
#: On logs hardly larger than with zlib's usual 6, in less than half of its time.
_LEVEL = 4


class StoredLog(ABC):
    """A log, or another file, at rest: its size and bytes as they were when it was opened.

    It stays readable while what lies on disk is archived or deleted, until `close()`.
    """

    #: Plain bytes.
    size: int
    #: Names the plain bytes; the same for a plain log and for its archive.
    etag: str
    #: When the plain bytes were last changed, Unix seconds; 0 when that is not known.
    modified: float = 0
    #: Bytes of the stored gzip form; 0 when there is none.
    gzip_size: int = 0

    @abstractmethod
    def blocks(self, start: int, stop: int) -> Iterator[bytes]:
        """The plain bytes from `start` to before `stop`, in blocks of at most `BLOCK_BYTES`.

        An empty block stands for work that gave no bytes yet, so that callers can pause after it.
        Raises `EOFError` when the stored bytes end too early.
        """

    def gzip_blocks(self) -> Iterator[bytes] | None:
        """The stored gzip bytes as they are, or None when there is no such form."""
        return None

    def close(self) -> None:  # noqa: B027 - a log in memory has nothing to release
        """Release the files that are held open; may be called twice."""


class BytesLog(StoredLog):
    """A small log in memory, as it comes from the database."""

    def __init__(self, data: bytes) -> None:
        self._data = data
        self.size = len(data)
        self.etag = hashlib.blake2b(data, digest_size=12).hexdigest()

    def blocks(self, start: int, stop: int) -> Iterator[bytes]:
        for offset in range(start, min(stop, self.size), BLOCK_BYTES):
            yield self._data[offset : min(offset + BLOCK_BYTES, stop)]


class PlainLog(StoredLog):
    """A plain file, by its path or descriptor; what is appended after it was opened is not seen."""

    def __init__(self, path: Path | int) -> None:
        self._file = FileIO(path)
        status = os.fstat(self._file.fileno())
        self.size = status.st_size
        self.modified = status.st_mtime
        self.etag = _etag(status.st_size, status.st_mtime_ns)

    def blocks(self, start: int, stop: int) -> Iterator[bytes]:
        return _read(self._file, start, stop)

    def close(self) -> None:
        self._file.close()


class ArchivedLog(StoredLog):
    """A log that `archive` has compressed: the gzip file and its index."""

    def __init__(self, path: Path, index: Path) -> None:
        self._file = FileIO(path)
        try:
            self._index = FileIO(index)
        except BaseException:
            self._file.close()
            raise
        status = os.fstat(self._file.fileno())
        self.gzip_size = status.st_size
        self.modified = status.st_mtime
        self.size = self._entry(0)
        self.etag = _etag(self.size, status.st_mtime_ns)

    def blocks(self, start: int, stop: int) -> Iterator[bytes]:
        stop = min(stop, self.size)
        if start >= stop:
            return
        step, skip = divmod(start, STEP_BYTES)
        position = start - skip
        for block in self._inflate(self._entry(1 + step)):
            first, position = position, position + len(block)
            yield block[max(start - first, 0) : stop - first]
            if position >= stop:
                return
        raise EOFError("the archive ends before its log does")

    def gzip_blocks(self) -> Iterator[bytes] | None:
        return _read(self._file, 0, self.gzip_size)

    def close(self) -> None:
        self._file.close()
        self._index.close()

    def _entry(self, number: int) -> int:
        """One number of the index, which is never held as a whole."""
        data = os.pread(self._index.fileno(), _ENTRY.size, number * _ENTRY.size)
        if len(data) < _ENTRY.size:
            raise EOFError("the archive's index is too short")
        return int(_ENTRY.unpack(data)[0])

    def _inflate(self, offset: int) -> Iterator[bytes]:
        """The plain text from an offset at which the deflate stream holds no history."""
        inflater = zlib.decompressobj(-zlib.MAX_WBITS)
        for packed in _read(self._file, offset, self.gzip_size):
            yield inflater.decompress(packed, BLOCK_BYTES)
            while inflater.unconsumed_tail:
                yield inflater.decompress(inflater.unconsumed_tail, BLOCK_BYTES)


def archive(plain: Path, path: Path, index: Path) -> bool:
    """Replace the plain file by an archive; False when it is gone, or being archived already.

    The plain file goes last, after the archive is on disk, so a crash at any instant leaves one
    complete form. Runs in plain threads: zlib and the disk release the interpreter's lock.
    """
    try:
        source = plain.open("rb")
    except FileNotFoundError:
        return False
    with source:
        if not _lock(source):
            return False
        new_path, new_index = temporary(path), temporary(index)
        try:
            _write(source, new_path, new_index)
            new_index.replace(index)
            new_path.replace(path)
            _sync_folder(path.parent)
        except FileNotFoundError:
            if not _is_deleted(source):
                raise
        finally:
            new_path.unlink(missing_ok=True)
            new_index.unlink(missing_ok=True)
        if _is_deleted(source):
            # The job was deleted meanwhile: what came after that is nobody's.
            path.unlink(missing_ok=True)
            index.unlink(missing_ok=True)
            return False
        plain.unlink(missing_ok=True)
    return True


def temporary(path: Path) -> Path:
    """Where a file of an archive is written before it gets its name."""
    return path.with_name(f"{path.name}.new")


def _lock(source: BinaryIO) -> bool:
    """Claim the plain file for this archiver; the lock ends with the descriptor or the process."""
    try:
        fcntl.flock(source, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    # Another one may have finished between our opening of the file and our lock.
    return not _is_deleted(source)


def _is_deleted(file: BinaryIO) -> bool:
    return os.fstat(file.fileno()).st_nlink == 0


def _write(source: BinaryIO, path: Path, index: Path) -> None:
    """Write the archive and its index durably, dated like the source: the ETag lives on."""
    status = os.fstat(source.fileno())
    with _create(path) as packed, _create(index) as entries:
        entries.write(_ENTRY.pack(status.st_size))
        _compress(source, packed, entries)
        for file in (packed, entries):
            file.flush()
            os.utime(file.fileno(), ns=(status.st_atime_ns, status.st_mtime_ns))
            os.fsync(file.fileno())


def _compress(source: BinaryIO, packed: BinaryIO, entries: BinaryIO) -> None:
    compressor = zlib.compressobj(_LEVEL, zlib.DEFLATED, _GZIP_WBITS)
    entries.write(_ENTRY.pack(_GZIP_HEADER_BYTES))
    size = 0
    while block := source.read(BLOCK_BYTES):
        packed.write(compressor.compress(block))
        size += len(block)
        if size % STEP_BYTES == 0:
            packed.write(compressor.flush(zlib.Z_FULL_FLUSH))
            entries.write(_ENTRY.pack(packed.tell()))
    packed.write(compressor.flush())


def _create(path: Path) -> BinaryIO:
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    return os.fdopen(descriptor, "wb")


def _read(file: FileIO, start: int, stop: int) -> Iterator[bytes]:
    """Blocks of a file by position, so that nothing shares an offset."""
    while start < stop:
        block = os.pread(file.fileno(), min(BLOCK_BYTES, stop - start), start)
        if not block:
            raise EOFError("the file ends before its log does")
        start += len(block)
        yield block


def _sync_folder(path: Path) -> None:
    """Make renames in the folder durable."""
    descriptor = os.open(path, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _etag(size: int, modified_ns: int) -> str:
    """A log only ever grows, so size and time name its bytes."""
    return f"{size:x}-{modified_ns:x}"
