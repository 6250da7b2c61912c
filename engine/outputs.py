"""Output files: what a plugin's entries mean, and how the files get into the instance."""

import glob
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import Any

from core import stored_files
from services import files

Document = dict[str, Any]

#: The most files that one pattern may name.
_MOST_MATCHES = 10_000


class UploadError(Exception):
    """An output file can't be stored; the message becomes the job's description."""


@dataclass(frozen=True)
class Output:
    """One file to store: where it is, under what name, and whether the source is to go."""

    path: Path
    name: str
    delete: bool


def store(
    instance: Path, job_id: str, folder: Path, entries: Sequence[Any]
) -> tuple[list[Document], list[Path]]:
    """Store all output files; their documents, and the sources to delete after the commit.

    Raises `UploadError`, which names the file and says what is wrong with it.
    """
    stored, delete = [], []
    for entry in entries:
        if _was_sent(instance, job_id, entry):
            continue
        for output in _outputs(folder, entry):
            stored.append(_store(instance, job_id, output))
            if output.delete:
                delete.append(output.path)
    return stored, delete


def _was_sent(instance: Path, job_id: str, entry: Any) -> bool:
    """Whether an entry names a file that was sent for this job, which has it already."""
    path = _parts(entry)[0]
    is_own = path.startswith(f"files/{stored_files.JOBS}/{job_id}/")
    return is_own and stored_files.file_size(instance, path) is not None


def _outputs(folder: Path, entry: Any) -> Iterator[Output]:
    """The files that one entry means: a literal path when it gives a name, else a pattern."""
    path, name, delete = _parts(entry)
    if not path:
        raise UploadError("Failed to upload job file: An entry has no path.")
    if "\0" in path:
        raise UploadError("Failed to upload job file: A path has a null byte.")
    if name:
        yield Output(folder / path, name, delete)
        return
    matches = list(islice(glob.iglob(path, root_dir=folder, recursive=True), _MOST_MATCHES + 1))
    if len(matches) > _MOST_MATCHES:
        raise UploadError(f"Failed to upload job file: {path}: More than {_MOST_MATCHES} files")
    for match in sorted(matches):
        found = folder / match
        if not found.is_dir():
            yield Output(found, found.name, delete)


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


def _store(instance: Path, job_id: str, output: Output) -> Document:
    try:
        file = stored_files.adopt_file(instance, job_id, output.path, output.name)
    except OSError as error:
        reason = error.strerror or str(error)
        text = f"Failed to upload job file: {output.name}: {reason}"
        raise UploadError(text) from error
    return files.record(file, job=job_id)


def delete_sources(paths: Sequence[Path]) -> None:
    """Delete the files that the plugin wanted gone; one that is gone already is no error."""
    for path in paths:
        try:
            path.unlink()
        except FileNotFoundError:
            continue
