"""Files of jobs: deleting one of them, and taking in what is sent for a running job."""

from collections.abc import Mapping
from functools import cache
from typing import Any

import sqlalchemy as sa
from flask import current_app

from core import json, stored_files, tokens
from core.aside import aside
from core.errors import ApiError, BadRequest, Conflict, Forbidden, NotAuthenticated, NotFound
from models.database import db
from models.job import Job
from models.stored_file import StoredFile
from services import audit, doorbell, files, job_views
from services.access import Caller, Privilege
from services.authentication import authenticate
from services.jobs import not_loaded
from services.transitions import State, activity

Document = dict[str, Any]

#: What of a job's files belongs to something else, and how messages call it.
_OWNERS = {"bucket": "Bucket", "ticket": "Ticket"}
#: The tag of records that have files.
_TAG = "_files"
#: The most files that may be sent for one job.
_MOST_SENT = 1000
_RUNNING = (State.ACTIVE, State.FINISHING)


def release_inputs(connection: sa.Connection, job_id: str) -> list[str]:
    """Forget the uploads that only this job uses; returns their paths, to delete then.

    What belongs to a bucket or ticket stays.
    """

    @cache
    def inputs() -> list[Document]:
        # Records may be large, and most jobs have no uploads.
        row = Job.load(connection, job_id, "heavy", "input")
        if row is None:
            return []
        return _inputs(json.loads(row.heavy or f'{{"input":{row.input}}}'))

    def is_own(path: str) -> bool:
        return not any(file.get("path") == path and _owner_of(file) for file in inputs())

    return files.detach(connection, job_id, is_own)


def own_bytes(job_id: str, file: Mapping[str, Any]) -> int:
    """The bytes of a file in a record, if it is the job's own."""
    path, size = file.get("path"), file.get("size")
    is_own = isinstance(path, str) and path.startswith(_folder_of(job_id))
    return size if is_own and type(size) is int else 0


def _folder_of(job_id: str) -> str:
    return f"files/{stored_files.JOBS}/{job_id}/"


def delete(job_id: str, path: str, caller: Caller) -> None:
    """Delete one output or input file of a final job, from its record and from the disk."""

    def work(connection: sa.Connection) -> list[str]:
        row = Job.load(connection, job_id)
        if row is None:
            raise not_loaded(job_id, code="job")
        if not row.final:
            text = f"Cannot delete a file of a job that is still active: {job_id}"
            raise Conflict(text, code="job")
        record = job_views.record_of(row)
        caller.check(record)
        removed = _remove(record, path)
        freed = own_bytes(job_id, removed)
        Job.revise(connection, row, *job_views.split_record(record), freed_bytes=freed)
        audit.record(connection, caller, "job_delete_file", job_id, [job_id], path=path)
        if path.startswith(_folder_of(job_id)):
            return [path]
        return files.detach(connection, job_id, lambda used: used == path)

    gone = db.write(work)
    files.delete_from_disk(gone)
    doorbell.ring()


def _remove(record: Document, path: str) -> Document:
    """Take a file out of a record's lists; raises when it is not there, or not the job's own."""
    outputs = file_entries(record.get("files"))
    inputs = _inputs(record)
    name = path.rpartition("/")[2]
    found = [file for file in (*outputs, *inputs) if file.get("path") == path]
    if not found:
        raise NotFound(f"Job file not found: {name}", code="job")
    owner = _owner_of(found[0])
    if owner:
        raise BadRequest(f"{owner} files cannot be deleted from job: {name}", code="job")
    if outputs:
        outputs = record["files"] = [file for file in outputs if file.get("path") != path]
    if inputs:
        inputs = [file for file in inputs if file.get("path") != path]
        record["input"] = {**record["input"], "files": inputs}
    if not outputs and not inputs:
        record["tags"] = [tag for tag in record.get("tags", []) if tag != _TAG]
    return found[0]


def file_entries(value: Any) -> list[Document]:
    """A list of files, whatever updates may have made of it."""
    found = value if isinstance(value, list) else []
    return [entry for entry in found if isinstance(entry, dict)]


def _inputs(record: Mapping[str, Any]) -> list[Document]:
    job_input = record.get("input")
    return file_entries(job_input.get("files")) if isinstance(job_input, dict) else []


def _owner_of(file: Mapping[str, Any]) -> str | None:
    return next((title for key, title in _OWNERS.items() if file.get(key)), None)


# What is sent for running jobs


def worker_token(job_id: str) -> str:
    """What a process that runs elsewhere proves with that it acts for this job."""
    return tokens.worker_token(job_id, current_app.config["SECRET_KEY"])


def receive(job_id: str, proof: str, upload: files.Upload) -> Document:
    """Store a file that was sent for a running job; returns its record.

    The job's record will have it. `proof` is the job's token, or the API key of somebody who may
    run jobs.
    """
    row = running_job(job_id, proof)
    instance, name = current_app.config["INSTANCE_PATH"], upload.filename or ""
    stored = aside(stored_files.store_for_job, instance, job_id, upload.stream, name)
    record = files.record(stored, job=job_id, server=row.server)
    entry = activity(f"Uploading file: {stored.filename}", row.server or "")

    def work(connection: sa.Connection) -> None:
        # First of all: this locks the job, so that it can't end meanwhile.
        if not Job.patch(connection, job_id, activity=[entry], states=_RUNNING):
            raise _not_running(job_id)
        if len(StoredFile.sent_for(connection, job_id)) >= _MOST_SENT:
            raise BadRequest(f"More than {_MOST_SENT} files were sent for a job.", code="job")
        StoredFile.insert(
            connection,
            path=stored.path,
            owner="",
            size=stored.size,
            job=job_id,
            doc=json.dumps(record),
        )

    try:
        db.write(work)
    except BaseException:
        files.delete_from_disk([stored.path])
        raise
    doorbell.ring()
    return record


def finish(job_id: str, proof: str, job: Mapping[str, Any]) -> None:
    """Refuse to end a job: its own process does that here, and no worker elsewhere."""
    if job.get("id", job_id) != job_id:
        raise BadRequest("Malformed parameter: job")
    running_job(job_id, proof)
    raise Conflict(f"Job is not run by a remote worker: {job_id}", code="job")


def running_job(job_id: str, proof: str) -> Any:
    """The row of a job that runs; raises `ApiError` unless `proof` allows to act for it."""
    is_own = tokens.worker_token_is_valid(proof, job_id, current_app.config["SECRET_KEY"])
    caller = None if is_own else _caller(proof)
    row = db.read(lambda connection: Job.load(connection, job_id))
    if row is None:
        raise NotFound(f"Job not found: {job_id}", code="job")
    if caller is not None:
        caller.check(json.loads(row.head) if row.final else job_views.live_document(row))
    if row.state not in _RUNNING:
        raise _not_running(job_id)
    return row


def _caller(key: str) -> Caller:
    try:
        caller = authenticate(key)
        caller.require(Privilege.RUN_JOBS)
    except (NotAuthenticated, Forbidden):
        raise ApiError("Authentication failure", code="auth") from None
    return caller


def _not_running(job_id: str) -> Conflict:
    return Conflict(f"Job is not running: {job_id}", code="job")
