"""Stored files: what callers upload, whose it is, who uses it, and how long it stays."""

from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any, Protocol

import sqlalchemy as sa
from flask import current_app

from core import clock, json, stored_files
from core.aside import aside
from core.config import Settings
from core.errors import BadRequest, Unavailable
from core.formats import size_text
from core.ids import new_id
from core.stored_files import StoredFile
from models.database import db
from models.file_use import FileUse
from models.stored_file import StoredFile as FileRow
from services import audit
from services.access import Caller

Document = dict[str, Any]

#: The most files in one job's input.
_MOST_INPUTS = 1000


#: Records in a transaction what was stored in it.
_Note = Callable[[sa.Connection, Sequence[Document]], None]


class Upload(Protocol):
    """A file that came with the request."""

    filename: str | None
    stream: Any


def record(file: StoredFile, **owner: Any) -> Document:
    """How a job's lists show a stored file; `owner` says whose it is."""
    return {
        "id": new_id("f"),
        "date": int(clock.now()),
        "filename": file.filename,
        "path": file.path,
        "size": file.size,
        **owner,
    }


def upload(uploads: Sequence[Upload], caller: Caller) -> list[Document]:
    """Store files for their own sake, and record that in the transaction log."""

    def note(connection: sa.Connection, stored: Sequence[Document]) -> None:
        names = ", ".join(file["filename"] for file in stored)
        audit.record(connection, caller, "file_upload", names, (file["id"] for file in stored))

    return _store_all(uploads, caller.id, caller.name, note, username=caller.name)


def upload_into(
    folder: str, uploads: Sequence[Upload], caller: Caller, note: _Note
) -> list[Document]:
    """Store files for something else than a run, which `note` records in the same transaction."""
    return _store_all(uploads, caller.id, folder, note, username=caller.name)


def release(connection: sa.Connection, paths: Sequence[str]) -> None:
    """Let files go that nothing but running jobs may refer to any more: they are deleted later."""
    if paths:
        FileRow.release(connection, paths, clock.now())


def store_uploads(uploads: Sequence[Upload], caller: Caller) -> list[Document]:
    """Store the files of a run: all of them, or none; returns their records.

    Raises `BadRequest` when a quota is used up.
    """
    return _store_all(uploads, caller.id, caller.name, username=caller.name)


def store_magic_uploads(uploads: Sequence[Upload]) -> list[Document]:
    """The same for files that came by a magic link, from nobody in particular."""
    return _store_all(uploads, "magic", "magic", magic=True)


def _store_all(
    uploads: Sequence[Upload],
    owner_id: str,
    folder: str,
    note: _Note = lambda _connection, _stored: None,
    **owner: Any,
) -> list[Document]:
    stored: list[Document] = []
    try:
        stored.extend(record(_store(upload, folder), **owner) for upload in uploads)
        if stored:
            _register(stored, owner_id, note)
    except BaseException:
        _delete(stored)
        raise
    return stored


def _store(upload: Upload, folder: str) -> StoredFile:
    instance, name = current_app.config["INSTANCE_PATH"], upload.filename or ""
    try:
        return aside(stored_files.store_upload, instance, folder, upload.stream, name)
    except OSError as error:
        text = f"Failed to process uploaded files: {error.strerror}"
        raise Unavailable(text, code="file") from error


def _register(stored: Sequence[Document], owner: str, note: _Note) -> None:
    """Note stored files in the database, if the quotas have room for them."""
    settings: Settings = dict(current_app.config)
    lifetime: float = settings["UPLOAD_LIFETIME"]
    expires = clock.now() + lifetime if lifetime else None

    def work(connection: sa.Connection) -> None:
        _check_quotas(connection, owner, sum(file["size"] for file in stored), settings)
        register(connection, stored, owner, expires)
        note(connection, stored)

    db.write(work)


def register(
    connection: sa.Connection,
    stored: Sequence[Document],
    owner: str = "",
    expires: float | None = None,
) -> None:
    """Note stored files in the database; the owner is who has them in his quota, if anybody."""
    for file in stored:
        FileRow.insert(
            connection,
            path=file["path"],
            owner=owner,
            size=file["size"],
            expires=expires,
            doc=json.dumps(file),
        )


def _check_quotas(connection: sa.Connection, owner: str, size: int, settings: Settings) -> None:
    """Raise when a caller, or all of them, would have more than they may."""
    own, total = settings["UPLOAD_QUOTA_BYTES"], settings["UPLOAD_TOTAL_BYTES"]
    if own or total:
        FileRow.lock_totals(connection)
    if own and FileRow.bytes_of(connection, owner) + size > own:
        text = f"Your uploaded files would exceed the quota of {size_text(own)}."
        raise BadRequest(text, code="file")
    if total and FileRow.bytes_of(connection) + size > total:
        text = f"All uploaded files together would exceed the quota of {size_text(total)}."
        raise BadRequest(text, code="file")


def discard(stored: Sequence[Document]) -> None:
    """Delete uploads that nothing refers to after all."""
    if stored:
        paths = [file["path"] for file in stored]
        db.write(lambda connection: FileRow.delete_paths(connection, paths))
        _delete(stored)


def _delete(stored: Sequence[Document]) -> None:
    delete_from_disk(file["path"] for file in stored)


def delete_from_disk(paths: Iterable[str]) -> None:
    """Delete files whose rows are gone already."""
    for path in paths:
        aside(stored_files.delete_file, current_app.config["INSTANCE_PATH"], path)


def checked_input(job_input: Any) -> Document:
    """A job's input with the files in it as they really are: sizes, and each name once.

    Raises `BadRequest` for files that are not there: the job would only fail later.
    """
    document: Document = dict(job_input) if isinstance(job_input, Mapping) else {}
    files = document.get("files")
    if not files:
        return document
    if not isinstance(files, list) or not all(isinstance(file, dict) for file in files):
        raise BadRequest("Malformed event parameter: input.files (must be array of objects)")
    if len(files) > _MOST_INPUTS:
        raise BadRequest(f"Malformed event parameter: input.files (more than {_MOST_INPUTS})")
    document["files"] = aside(_checked_files, current_app.config["INSTANCE_PATH"], files)
    return document


def _checked_files(instance: Path, files: Sequence[Document]) -> list[Document]:
    checked = []
    for file in files:
        path, name = file.get("path"), file.get("filename")
        size = stored_files.file_size(instance, path) if isinstance(path, str) else None
        if size is None:
            raise _not_there(file)
        shown = name if isinstance(name, str) and name else str(path).rpartition("/")[2]
        checked.append({**file, "filename": stored_files.shown_name(shown), "size": size})
    return checked


def _not_there(file: Mapping[str, Any]) -> BadRequest:
    shown = file.get("filename") or file.get("path")
    name = stored_files.shown_name(shown if isinstance(shown, str) else "")
    return BadRequest(f"Input file does not exist: {name}", code="file")


def with_uploads(job_input: Document, stored: Sequence[Document]) -> Document | None:
    """The job's input with uploads at the end of its files, none of which has another's name."""
    files = [*(job_input.get("files") or []), *stored]
    if files:
        job_input = job_input | {"files": _named_apart(files)}
    return job_input or None


def _named_apart(files: Sequence[Document]) -> list[Document]:
    """Files in one folder: the second `a.txt` becomes `a-2.txt`."""
    taken: set[str] = set()
    numbers: Counter[str] = Counter()
    named = []
    for file in files:
        first = name = str(file["filename"])
        while name in taken:
            numbers[first] += 1
            name = f"{Path(first).stem}-{numbers[first] + 1}{Path(first).suffix}"
        taken.add(name)
        named.append({**file, "filename": name})
    return named


def attach(connection: sa.Connection, job_id: str, job_input: Mapping[str, Any] | None) -> None:
    """Note which uploads a new job uses; from the commit on they stay as long as it lives."""
    files = (job_input or {}).get("files") or []
    uploads = {file["path"]: file for file in files if not is_of_job(file["path"])}
    if not uploads:
        return
    held = FileRow.hold(connection, uploads)
    for path, file in uploads.items():
        if path not in held:
            raise _not_there(file)
    FileUse.insert(connection, job_id, sorted(held.values()))


def is_of_job(path: str) -> bool:
    """Whether a file is the output of a job, which goes with that job."""
    return path.startswith(f"files/{stored_files.JOBS}/")


def detach(
    connection: sa.Connection, job_id: str, is_meant: Callable[[str], bool] = lambda _: True
) -> list[str]:
    """Let a job no longer use its uploads; returns the paths of those that nobody else uses.

    These have no row any more: delete them after the commit. `is_meant` says which paths count.
    """
    used = FileUse.of_job(connection, job_id)
    meant = {seq: path for seq, path in used.items() if is_meant(path)}
    if not meant:
        return []
    FileUse.delete(connection, job_id, meant)
    gone = meant.keys() - FileUse.of_any_job(connection, meant)
    FileRow.delete(connection, gone)
    return [meant[seq] for seq in sorted(gone)]
