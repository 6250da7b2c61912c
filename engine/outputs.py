"""Output files: what a plugin's entries mean, and how the files get into the instance."""

import os
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import Any

from core import globs, stored_files
from services import files

Document = dict[str, Any]

#: The most files that one pattern may name.
_MOST_MATCHES = 10_000


class UploadError(Exception):
    """An output file can't be stored; the message becomes the job's description."""


@dataclass(frozen=True)
class Wanted:
    """The output files that a job names."""

    entries: Sequence[Any]
    #: What relative paths start from.
    folder: Path
    #: Whose files they must be, where the job ran as another user than we do: what that user could
    #: not read must not be read for it.
    owner: int | None = None


@dataclass(frozen=True)
class Output:
    """One file to store: where it is, under what name, and whether the source is to go."""

    path: Path
    name: str
    delete: bool


def owner_of(work: Path) -> int | None:
    """Whose job worked in this folder, which the launcher gave to that user; None: ours."""
    try:
        uid = work.stat().st_uid
    except FileNotFoundError:
        # Another user's job can't delete it: the folder above is not its own.
        return None
    return None if uid == os.geteuid() else uid


def store(instance: Path, job_id: str, wanted: Wanted) -> tuple[list[Document], list[Path]]:
    """Store all output files; their documents, and the sources to delete after the commit.

    Raises `UploadError`, which names the file and says what is wrong with it.
    """
    stored, delete = [], []
    for entry in wanted.entries:
        if _was_sent(instance, job_id, entry):
            continue
        for output in _outputs(wanted, entry):
            stored.append(_store(instance, job_id, output, wanted.owner))
            if output.delete:
                delete.append(output.path)
    return stored, delete


def _was_sent(instance: Path, job_id: str, entry: Any) -> bool:
    """Whether an entry names a file that was sent for this job, which has it already."""
    path = _parts(entry)[0]
    is_own = path.startswith(f"files/{stored_files.JOBS}/{job_id}/")
    return is_own and stored_files.file_size(instance, path) is not None


def _outputs(wanted: Wanted, entry: Any) -> Iterator[Output]:
    """The files that one entry means: a literal path when it gives a name, else a pattern."""
    folder = wanted.folder
    path, name, delete = _parts(entry)
    if not path:
        raise UploadError("Failed to upload job file: An entry has no path.")
    if "\0" in path:
        raise UploadError("Failed to upload job file: A path has a null byte.")
    if name:
        yield Output(folder / path, name, delete)
        return
    for match in _matches(folder, path):
        found = folder / match
        # Not pathlib's: that raises where a folder may be listed but not entered.
        if not os.path.isdir(found) and wanted.owner in (None, _uid(found)):  # noqa: PTH112
            yield Output(found, found.name, delete)


def _matches(folder: Path, pattern: str) -> list[str]:
    """The paths that a pattern names, each once and in order."""
    try:
        found = list(islice(globs.matches(folder, pattern), _MOST_MATCHES + 1))
    except globs.TooMuchError:
        text = f"Failed to upload job file: {pattern}: Too many files to look through"
        raise UploadError(text) from None
    if len(found) > _MOST_MATCHES:
        raise UploadError(f"Failed to upload job file: {pattern}: More than {_MOST_MATCHES} files")
    return sorted(set(found))


def _uid(path: Path) -> int | None:
    try:
        return path.stat().st_uid
    except OSError:
        return None


def _parts(entry: Any) -> tuple[str, str, bool]:
    """Path, name and delete flag of an entry: a string, a list of up to three, or an object."""
    if isinstance(entry, str):
        return entry, "", False
    if isinstance(entry, list):
        path, name, delete = (*entry, None, None, None)[:3]
    elif isinstance(entry, dict):
        path, name, delete = entry.get("path"), entry.get("filename"), entry.get("delete")
    else:
        path, name, delete = None, None, None
    return str(path or ""), str(name or ""), bool(delete)


def _store(instance: Path, job_id: str, output: Output, owner: int | None) -> Document:
    try:
        file = stored_files.adopt_file(instance, job_id, output.path, output.name, owner)
    except OSError as error:
        reason = error.strerror or str(error)
        text = f"Failed to upload job file: {output.name}: {reason}"
        raise UploadError(text) from error
    return files.record(file, job=job_id)


def delete_sources(paths: Sequence[Path], owner: int | None = None) -> None:
    """Delete the files that the plugin wanted gone; one that is gone already is no error.

    With an `owner`, only from folders of that user, who could have done so too.
    """
    for path in paths:
        try:
            if owner is None:
                path.unlink()
            else:
                _unlink_for(path, owner)
        except FileNotFoundError:
            continue


def _unlink_for(path: Path, owner: int) -> None:
    # By a descriptor: the folder whose owner was looked at is the one in which is deleted.
    folder = os.open(path.parent, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        if os.fstat(folder).st_uid == owner:
            os.unlink(path.name, dir_fd=folder)
    finally:
        os.close(folder)
