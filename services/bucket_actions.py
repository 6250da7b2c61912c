"""Actions on buckets: to store what a job leaves, and to fetch it for another one."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Any

import sqlalchemy as sa

from core import stored_files
from core.errors import ApiError, NotFound
from models.bucket import Bucket, BucketContents
from models.database import db
from models.file_use import FileUse
from models.stored_file import StoredFile
from services import buckets, doorbell, files
from services.errand import Errand, Outcome
from services.job_files import file_entries

Document = dict[str, Any]


@dataclass(frozen=True)
class _Words:
    """What is said of an action, up to its bucket; `{}` is what it is about."""

    telling: str
    success: str
    failure: str


_STORING = _Words("Storing {} to", "Successfully stored {} in", "Failed to store in")
_FETCHING = _Words("Fetching {} from", "Successfully fetched {} from", "Failed to fetch from")
_NAMES = {"data": "data", "files": "files", "data_and_files": "data and files"}


def store(errand: Errand) -> Outcome:
    """Put a job's data, output files, or both into a bucket."""
    return _do(errand, _STORING, _store)


def fetch(errand: Errand) -> Outcome:
    """Add what is in a bucket to a job's input."""
    return _do(errand, _FETCHING, _fetch)


def _do(errand: Errand, words: _Words, work: Callable[[Errand, str, str], Document]) -> Outcome:
    key, what = str(errand.action.get("bucket_id")), _NAMES[errand.action["bucket_sync"]]
    bucket = db.read(lambda connection: Bucket.get(connection, key))
    if bucket is None:
        return _failed(f"Bucket not found: {key}")
    texts = [f"{words.telling.format(what)} bucket: {bucket['title']} (#{key})"]
    try:
        added = work(errand, key, what)
    except (ApiError, OSError) as error:
        reason = error.strerror if isinstance(error, OSError) else error.description
        return _failed(f"{words.failure} bucket: {reason}", texts)
    text = f"{words.success.format(what)} bucket."
    result = {"code": 0, "description": text, "loc": f"#Buckets?id={key}"}
    return Outcome(result, texts, added)


def _failed(text: str, texts: Sequence[str] = ()) -> Outcome:
    return Outcome({"code": "bucket", "description": text}, list(texts))


def _store(errand: Errand, key: str, what: str) -> Document:
    instance: Path = errand.settings["INSTANCE_PATH"]
    data = errand.job.get("data") if "data" in what else None
    outputs = _matching(errand, file_entries(errand.job.get("files"))) if "files" in what else []
    stored: list[Document] = []

    def work(connection: sa.Connection) -> None:
        _check_there(connection, key)
        if isinstance(data, dict) and data:
            buckets.merge(connection, key, data)
        files.register(connection, stored)
        buckets.put(connection, key, stored)

    try:
        for output in outputs:
            path, name = str(output.get("path")), str(output.get("filename"))
            copy = stored_files.duplicate(instance, path, f"bucket_{key}", name)
            stored.append(files.record(copy, job=errand.job["id"]))
        db.write(work)
    except BaseException:
        files.delete_from_disk(file["path"] for file in stored)
        raise
    doorbell.ring()
    return {}


def _check_there(connection: sa.Connection, key: str) -> None:
    if Bucket.for_change(connection, key) is None:
        raise NotFound(f"Bucket not found: {key}")


def _fetch(errand: Errand, key: str, what: str) -> Document:
    job_input = errand.job.get("input") or {}

    def work(connection: sa.Connection) -> Document:
        _check_there(connection, key)
        data, there = BucketContents.get(connection, key)
        # A retry has what the attempt before it got.
        known = {file.get("path") for file in file_entries(job_input.get("files"))}
        new = [file for file in there if file["path"] not in known]
        found = _matching(errand, new) if "files" in what else []
        _hold(connection, errand.job["id"], found)
        added = [{**file, "bucket": key} for file in found]
        return {"data": data if "data" in what else {}, "files": added}

    return {"input": db.write(work)}


def _hold(connection: sa.Connection, job_id: str, found: Sequence[Document]) -> None:
    """Let files stay as long as the job lives, even when the bucket gives them up."""
    held = StoredFile.hold(connection, [file["path"] for file in found])
    known = FileUse.of_job(connection, job_id)
    FileUse.insert(connection, job_id, sorted(set(held.values()) - known.keys()))


def _matching(errand: Errand, found: Sequence[Document]) -> list[Document]:
    """The files that the action means."""
    pattern = str(errand.action.get("bucket_glob") or "*")
    return [file for file in found if fnmatchcase(str(file.get("filename")), pattern)]
