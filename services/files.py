"""Stored files: their records, and the files that callers send along with a run."""

from collections.abc import Sequence
from typing import Any, Protocol

from flask import current_app

from core import clock, stored_files
from core.aside import aside
from core.errors import Unavailable
from core.ids import new_id
from core.stored_files import StoredFile
from services.access import Caller

Document = dict[str, Any]


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


def store_uploads(uploads: Sequence[Upload], caller: Caller) -> list[Document]:
    """Store the files of a request: all of them, or none; returns their records."""
    return _store_all(uploads, caller.name, username=caller.name)


def store_magic_uploads(uploads: Sequence[Upload]) -> list[Document]:
    """The same for files that came by a magic link, from nobody in particular."""
    return _store_all(uploads, "magic", magic=True)


def _store_all(uploads: Sequence[Upload], folder: str, **owner: Any) -> list[Document]:
    stored: list[Document] = []
    try:
        stored.extend(record(_store(upload, folder), **owner) for upload in uploads)
    except BaseException:
        discard(stored)
        raise
    return stored


def discard(stored: Sequence[Document]) -> None:
    """Delete files that nothing refers to after all."""
    for file in stored:
        aside(stored_files.delete_file, current_app.config["INSTANCE_PATH"], file["path"])


def _store(upload: Upload, folder: str) -> StoredFile:
    instance = current_app.config["INSTANCE_PATH"]
    try:
        name = upload.filename or ""
        return aside(stored_files.store_upload, instance, folder, upload.stream, name)
    except OSError as error:
        text = f"Failed to process uploaded files: {error.strerror}"
        raise Unavailable(text, code="file") from error
