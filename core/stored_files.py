"""Where the files of an instance lie on disk; nothing else knows.

Below the instance's folder:

    files/jobs/<job>/<random>/<name>        output files of a job
    files/<owner>/<random>/<name>           files that a caller uploaded
    files/.incoming/<random>                what is still arriving (`core.spool`)

The random part is what keeps a file from those who were not told of it.
"""

import errno
import os
import re
import shutil
import stat
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

from core import trees
from core.ids import random_name
from core.spool import Spool

#: The folder of all jobs' files; no caller's folder has this name.
JOBS = "jobs"
_JOB_ID = re.compile(r"[a-z0-9_]{1,64}")
_KEY = re.compile(r"files/(?:jobs/[a-z0-9_]{1,64}|[\w.-]{1,200})/[\w-]{43}/[\w.-]{1,255}", re.ASCII)
_UNSAFE_IN_NAME = re.compile(r"""[^\w\-+., ()\[\]{}'"!&^%$#@*?~]+""", re.ASCII)
_UNSAFE_IN_KEY = re.compile(r"[^\w.-]+", re.ASCII)
_EXTENSION = re.compile(r"\.\w+\Z", re.ASCII)
#: File systems allow 255 bytes; a long name keeps its extension.
_MAX_NAME_CHARS = 200
_MAX_EXTENSION_CHARS = 32
_FOLDER_FLAGS = os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC
#: Without waiting, where a pipe that nobody writes to would wait for ever.
_FILE_FLAGS = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC


@dataclass(frozen=True)
class StoredFile:
    """A file that was put into the instance: its shown name, its key and its size in bytes."""

    filename: str
    path: str
    size: int


def adopt_file(
    instance: Path, job: str, source: Path, name: str, owner: int | None = None
) -> StoredFile:
    """Put an output file of a job into the instance: copied, or linked from the job's own folder.

    The source stays, so that this can be done again after a crash; a link costs nothing. Raises
    `OSError` when the source can't be read, is not a regular file, or is not the `owner`'s.
    """
    folder = _job_folder(job)
    with open(source, "rb", opener=_open_at_once) as stream:
        status = os.fstat(stream.fileno())
        if not stat.S_ISREG(status.st_mode):
            raise OSError("Not a regular file")
        if owner is not None and status.st_uid != owner:
            raise PermissionError(errno.EACCES, os.strerror(errno.EACCES))
        if owner is None and _can_link(source, status, instance / "runs" / job):
            target, stored = _new_place(instance, folder, name, status.st_size)
            if _link(source, status, target):
                return stored
            target.parent.rmdir()
        return _store(instance, folder, name, lambda target: _copy(stream, target))


def store_upload(instance: Path, owner: str, source: Spool | BinaryIO, name: str) -> StoredFile:
    """Put a caller's upload into the instance, durably; `owner` is a user name or `magic`."""
    return _store(instance, _owner_folder(owner), name, _saver(source))


def store_for_job(instance: Path, job: str, source: Spool | BinaryIO, name: str) -> StoredFile:
    """Put a file that was sent for a job into the instance, durably."""
    return _store(instance, _job_folder(job), name, _saver(source))


def open_file(instance: Path, key: str) -> int | None:
    """A descriptor of the file that has this key; None for all else.

    Links are not followed anywhere on the way, so a key never leads to another place.
    """
    if not _KEY.fullmatch(key) or not {".", ".."}.isdisjoint(key.split("/")):
        return None
    _, *folders, name = key.split("/")
    folder = -1
    try:
        # The folder of all files may be a link that the operator made.
        folder = os.open(instance / "files", _FOLDER_FLAGS)
        for part in folders:
            inner = os.open(part, _FOLDER_FLAGS | os.O_NOFOLLOW, dir_fd=folder)
            os.close(folder)
            folder = inner
        return _regular(os.open(name, _FILE_FLAGS, dir_fd=folder))
    except OSError:
        return None
    finally:
        if folder >= 0:
            os.close(folder)


def file_size(instance: Path, key: str) -> int | None:
    """The size in bytes of the file that has this key; None where there is none."""
    descriptor = open_file(instance, key)
    if descriptor is None:
        return None
    try:
        return os.fstat(descriptor).st_size
    finally:
        os.close(descriptor)


def copy_file(instance: Path, key: str, target: Path) -> bool:
    """Copy a stored file; false where there is none. Raises `OSError` when it can't be written."""
    descriptor = open_file(instance, key)
    if descriptor is None:
        return False
    with os.fdopen(descriptor, "rb") as source, target.open("wb") as copy:
        shutil.copyfileobj(source, copy, 1024 * 1024)
    return True


def duplicate(instance: Path, key: str, owner: str, name: str) -> StoredFile:
    """Store a stored file once more, for another owner; costs no space where links are possible.

    Raises `OSError` where there is none.
    """
    descriptor = open_file(instance, key)
    if descriptor is None:
        raise FileNotFoundError(errno.ENOENT, os.strerror(errno.ENOENT))
    with os.fdopen(descriptor, "rb") as stream:
        status, source = os.fstat(descriptor), instance / key

        def save(target: Path) -> None:
            if not _link(source, status, target):
                _copy(stream, target)

        return _store(instance, _owner_folder(owner), name, save)


def delete_file(instance: Path, key: str) -> bool:
    """Delete one stored file and its random folder; False when there is none."""
    descriptor = open_file(instance, key)
    if descriptor is None:
        return False
    os.close(descriptor)
    trees.delete((instance / key).parent)
    return True


def delete_of_job(instance: Path, job: str) -> None:
    """Delete all files of a job; that there are none is no error."""
    trees.delete(instance / "files" / _job_folder(job))


def shown_name(name: str) -> str:
    """A file name that is safe to show and to put into a header, apart from its quotes."""
    return _shorten(_UNSAFE_IN_NAME.sub("_", name)) or "file"


def make_folders(path: Path) -> None:
    """Create the folder and those missing above it, each for our user alone."""
    if not path.is_dir():
        make_folders(path.parent)
        path.mkdir(mode=0o700, exist_ok=True)


def _key_name(name: str) -> str:
    """The name on disk: lower case, and with an extension, which also rules out `.` and `..`."""
    key_name = _UNSAFE_IN_KEY.sub("_", name).lower()
    return key_name if _EXTENSION.search(key_name) else f"{key_name}.bin"


def _shorten(name: str) -> str:
    extension = Path(name).suffix
    stem = name.removesuffix(extension)
    return stem[: _MAX_NAME_CHARS - _MAX_EXTENSION_CHARS] + extension[:_MAX_EXTENSION_CHARS]


def _owner_folder(owner: str) -> str:
    folder = _UNSAFE_IN_KEY.sub("_", owner)[:_MAX_NAME_CHARS].lstrip(".") or "_"
    return f"{folder}_" if folder == JOBS else folder


def _job_folder(job: str) -> str:
    if not _JOB_ID.fullmatch(job):
        raise ValueError(f"not an id: {job!r}")
    return f"{JOBS}/{job}"


def _store(instance: Path, folder: str, name: str, save: Callable[[Path], object]) -> StoredFile:
    """Have a file saved at a fresh place; what goes wrong leaves nothing there."""
    target, stored = _new_place(instance, folder, name, 0)
    try:
        save(target)
        _sync_folder(target.parent)
        _sync_folder(target.parent.parent)
    except BaseException:
        trees.delete(target.parent)
        raise
    return StoredFile(stored.filename, stored.path, target.stat().st_size)


def _saver(source: Spool | BinaryIO) -> Callable[[Path], object]:
    return source.save if isinstance(source, Spool) else lambda target: _copy(source, target)


def _copy(source: BinaryIO, target: Path) -> None:
    with target.open("xb") as file:
        shutil.copyfileobj(source, file, 64 * 1024)


def _sync_folder(path: Path) -> None:
    """Make names in a folder durable."""
    descriptor = os.open(path, _FOLDER_FLAGS)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _new_place(instance: Path, folder: str, name: str, size: int) -> tuple[Path, StoredFile]:
    """A fresh secret folder, the path in it and its record."""
    filename = shown_name(name)
    key = f"files/{folder}/{random_name()}/{_key_name(filename)}"
    target = instance / key
    make_folders(target.parent)
    return target, StoredFile(filename, key, size)


def _regular(descriptor: int) -> int | None:
    if stat.S_ISREG(os.fstat(descriptor).st_mode):
        return descriptor
    os.close(descriptor)
    return None


def _open_at_once(path: str, flags: int) -> int:
    return os.open(path, flags | os.O_NONBLOCK)


def _can_link(source: Path, status: os.stat_result, run_folder: Path) -> bool:
    """Whether the path itself is the opened file, and in the job's own folder.

    Files elsewhere are others' as well: what they write later must not change what was stored.
    """
    is_itself = os.path.samestat(source.lstat(), status) and status.st_nlink == 1
    return is_itself and source.resolve().is_relative_to(run_folder.resolve())


def _link(source: Path, status: os.stat_result, target: Path) -> bool:
    """Link the file that was looked at; false where that can't be done."""
    try:
        os.link(source, target, follow_symlinks=False)
    except OSError:
        # Not every file system has links, and not every file may be linked.
        return False
    if os.path.samestat(target.lstat(), status):
        return True
    # Another took its place meanwhile.
    target.unlink()
    return False
