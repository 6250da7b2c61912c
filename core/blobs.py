"""Where the logs and files of an instance lie on disk; nothing else knows.

Below the instance's folder:

    runs/<job>/<launch>/log                 the log of a run, while the launcher writes it
    logs/<end of job>/<job>.log             a finished job's log; later <job>.log.gz and .log.idx
    files/jobs/<job>/<random>/<name>        output files of a job
    files/<owner>/<random>/<name>           files that a caller uploaded as input
"""

import os
import re
import shutil
import stat
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

from core import archive
from core.archive import BytesLog, PlainLog, StoredLog
from core.ids import random_name

#: What may stand in a path as a job or launch: no dots and no slashes, so never another folder.
_ID = re.compile(r"[a-z0-9_]{1,64}")
_KEY = re.compile(r"files/(?:jobs/[a-z0-9_]{1,64}|[\w.-]{1,200})/[\w-]{43}/[\w.-]{1,255}", re.ASCII)
_UNSAFE_IN_NAME = re.compile(r"""[^\w\-+., ()\[\]{}'"!&^%$#@*?~]+""", re.ASCII)
_UNSAFE_IN_KEY = re.compile(r"[^\w.-]+", re.ASCII)
_EXTENSION = re.compile(r"\.\w+\Z", re.ASCII)
#: File systems allow 255 bytes; a long name keeps its extension.
_MAX_NAME_CHARS = 200
_MAX_EXTENSION_CHARS = 32


@dataclass(frozen=True)
class StoredFile:
    """A file that was put into the instance: its shown name, its key and its size in bytes."""

    filename: str
    path: str
    size: int


def run_dir(instance: Path, job: str, launch: str) -> Path:
    """The folder of one run, which the launcher makes and fills."""
    return instance / "runs" / _checked(job) / _checked(launch)


def live_log(instance: Path, job: str, launch: str) -> Path:
    """The log that a running process writes."""
    return run_dir(instance, job, launch) / "log"


def log_path(instance: Path, job: str) -> Path:
    """The plain log of a finished job; the last characters of ids spread best."""
    return instance / "logs" / _checked(job)[-2:] / f"{job}.log"


def adopt_log(instance: Path, job: str, source: Path) -> int:
    """Move a run's log to where finished logs lie; its size in bytes.

    Idempotent: where the source was adopted before, the adopted log's size is returned. Raises
    `FileNotFoundError` when there is neither.
    """
    target = log_path(instance, job)
    _make_folders(target.parent)
    try:
        source.replace(target)
    except FileNotFoundError:
        log = open_log(instance, job)
        if log is None:
            raise
        log.close()
        return log.size
    return target.stat().st_size


def archive_log(instance: Path, job: str) -> bool:
    """Compress a finished job's plain log; False when there is nothing to do."""
    return archive.archive(*_log_files(instance, job))


def open_log(instance: Path, job: str, launch: str | None = None) -> StoredLog | None:
    """The job's log in whichever file it is now, that of a running `launch` included.

    The places are tried in the order in which a log moves, so that one on its way is not missed.
    """
    plain, packed, index = _log_files(instance, job)
    places = [plain] if launch is None else [live_log(instance, job, launch), plain]
    for place in places:
        try:
            return PlainLog(place)
        except FileNotFoundError:
            continue
    try:
        return archive.ArchivedLog(packed, index)
    except FileNotFoundError:
        return None


def open_file(path: Path) -> StoredLog:
    """A file as it is now; raises `FileNotFoundError`."""
    return PlainLog(path)


def open_bytes(data: bytes) -> StoredLog:
    """A log that lies in the database."""
    return BytesLog(data)


def tail(path: Path, size: int) -> str:
    """The last `size` bytes of a log as text, from its first whole line on; empty without a file.

    A chunk without any line end is shown as it is: better half a line than nothing.
    """
    try:
        file = path.open("rb")
    except FileNotFoundError:
        return ""
    with file:
        start = max(0, os.fstat(file.fileno()).st_size - size)
        chunk = os.pread(file.fileno(), size, start)
    if start:
        chunk = chunk.partition(b"\n")[2] or chunk
    return chunk.decode("utf-8", "replace")


def delete_job_blobs(instance: Path, job: str) -> None:
    """Delete all that lies on disk for a job that has ended; what is gone already is no error."""
    # The plain log goes first: an archiver at work then sees it, and takes its archive back.
    plain, packed, index = _log_files(instance, job)
    for path in (plain, packed, index, archive.temporary(packed), archive.temporary(index)):
        path.unlink(missing_ok=True)
    for folder in (instance / "files" / "jobs" / job, instance / "runs" / job):
        shutil.rmtree(folder, ignore_errors=True)


def adopt_file(instance: Path, job: str, source: Path, name: str) -> StoredFile:
    """Put an output file of a job into the instance: as a hard link, or copied.

    The source stays, so that this can be done again after a crash; a link costs nothing. Raises
    `OSError` when the source can't be read or is not a regular file.
    """
    folder = f"jobs/{_checked(job)}"
    with open(source, "rb", opener=_open_at_once) as stream:
        status = os.fstat(stream.fileno())
        if not stat.S_ISREG(status.st_mode):
            raise OSError("Not a regular file")
        if _can_link(source, status, instance):
            target, stored = _new_place(instance, folder, name, status.st_size)
            try:
                os.link(source, target)
            except OSError:
                # Not every file system has links, and not every file may be linked.
                target.parent.rmdir()
            else:
                return stored
        return _store(instance, folder, stream, name)


def delete_run(instance: Path, job: str, launch: str) -> None:
    """Delete what a run left on disk, its work folder beside it included."""
    folder = run_dir(instance, job, launch)
    for path in (*work_folders(folder), folder):
        shutil.rmtree(path, ignore_errors=True)
    try:
        folder.parent.rmdir()
    except OSError:
        # Another run of the same job is still there, or it is gone already.
        return


def work_folders(run: Path) -> tuple[Path, Path]:
    """Where a run's process may work: beside its run folder, when input files were put there."""
    return run.with_name(f"{run.name}_work"), run / "work"


def store_upload(instance: Path, owner: str, stream: BinaryIO, name: str) -> StoredFile:
    """Copy a caller's upload into the instance; `owner` is a user name or `magic`."""
    folder = _UNSAFE_IN_KEY.sub("_", owner)[:_MAX_NAME_CHARS]
    return _store(instance, folder if folder.strip(".") else "_", stream, name)


def resolve_file(instance: Path, key: str) -> Path | None:
    """The file of a key that `adopt_file` or `store_upload` gave; None for all else."""
    if not _KEY.fullmatch(key) or not {".", ".."}.isdisjoint(key.split("/")):
        return None
    path = instance / key
    try:
        return path if stat.S_ISREG(path.lstat().st_mode) else None
    except OSError:
        return None


def delete_file(instance: Path, key: str) -> bool:
    """Delete one stored file and its random folder; False when there is none."""
    path = resolve_file(instance, key)
    if path is not None:
        shutil.rmtree(path.parent, ignore_errors=True)
    return path is not None


def shown_name(name: str) -> str:
    """A file name that is safe to show and to put into a header, apart from its quotes."""
    return _shorten(_UNSAFE_IN_NAME.sub("_", name)) or "file"


def _key_name(name: str) -> str:
    """The name on disk: lower case, and with an extension, which also rules out `.` and `..`."""
    key_name = _UNSAFE_IN_KEY.sub("_", name).lower()
    return key_name if _EXTENSION.search(key_name) else f"{key_name}.bin"


def _shorten(name: str) -> str:
    extension = Path(name).suffix
    stem = name.removesuffix(extension)
    return stem[: _MAX_NAME_CHARS - _MAX_EXTENSION_CHARS] + extension[:_MAX_EXTENSION_CHARS]


def _store(instance: Path, folder: str, stream: BinaryIO, name: str) -> StoredFile:
    target, stored = _new_place(instance, folder, name, 0)
    try:
        with target.open("xb") as file:
            shutil.copyfileobj(stream, file, archive.BLOCK_BYTES)
            size = file.tell()
    except BaseException:
        shutil.rmtree(target.parent, ignore_errors=True)
        raise
    return StoredFile(stored.filename, stored.path, size)


def _new_place(instance: Path, folder: str, name: str, size: int) -> tuple[Path, StoredFile]:
    """A fresh secret folder, the path in it and its record."""
    filename = shown_name(name)
    key = f"files/{folder}/{random_name()}/{_key_name(filename)}"
    target = instance / key
    _make_folders(target.parent)
    return target, StoredFile(filename, key, size)


def _open_at_once(path: str, flags: int) -> int:
    """Open without waiting, where a pipe that nobody writes to would wait for ever."""
    return os.open(path, flags | os.O_NONBLOCK)


def _can_link(source: Path, status: os.stat_result, instance: Path) -> bool:
    """Whether the path itself is the opened file, no link to it, and on the instance's disk."""
    is_itself = os.path.samestat(source.lstat(), status) and status.st_nlink == 1
    return is_itself and status.st_dev == instance.stat().st_dev


def _log_files(instance: Path, job: str) -> tuple[Path, Path, Path]:
    """The plain log, its archive and the archive's index, of which not all exist."""
    plain = log_path(instance, job)
    return plain, plain.with_suffix(".log.gz"), plain.with_suffix(".log.idx")


def _make_folders(path: Path) -> None:
    """Create the folder and those missing above it, each for our user alone."""
    if not path.is_dir():
        _make_folders(path.parent)
        path.mkdir(mode=0o700, exist_ok=True)


def _checked(job: str) -> str:
    if not _ID.fullmatch(job):
        raise ValueError(f"not an id: {job!r}")
    return job
