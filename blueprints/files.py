"""Stored files: taken in, sent, and deleted."""

from typing import Any

from flask import Response, current_app, g, request

from blueprints.downloads import STATUSES, file_response, pause
from blueprints.replies import Returned
from blueprints.wire import BODY, MERGED, ApiBlueprint, NoParameters, params, requires
from core import blobs
from schemas.files import DeleteJobFile, FinishJob, StoredFile, UploadJobFile
from schemas.replies import FilesReply, SentFileReply, UploadsReply
from schemas.run import Upload, check_uploads, the_upload
from services import files, job_files
from services.access import Caller, Privilege

bp = ApiBlueprint("files", __name__)


def _uploads(**arguments: Any) -> dict[str, Any]:
    """The files of the request, of which there must be some, all sound."""
    check_uploads(g.incoming.uploads, needs_some=True)
    return {**arguments, "uploads": g.incoming.uploads}


@bp.api("upload_job_input_files", returns=FilesReply)
@params(NoParameters, source=BODY, prepare=_uploads)
@requires(Privilege.RUN_JOBS)
def upload_job_input_files(caller: Caller, uploads: list[Upload]) -> Returned:
    """Store the files of a multipart request, to be the input of jobs.

    Replies with `files`, the records to give to run_event as `input.files`.
    """
    return {"files": files.upload(uploads, caller)}


@bp.api("upload_files", returns=UploadsReply)
@params(NoParameters, source=BODY, prepare=_uploads)
@requires(Privilege.RUN_JOBS)
def upload_files(caller: Caller, uploads: list[Upload]) -> Returned:
    """Store the files of a multipart request, to be linked to.

    Replies with `files`, and with `urls`, where each of them can be fetched without a key.
    """
    stored = files.upload(uploads, caller)
    base = current_app.config["BASE_URL"]
    return {"files": stored, "urls": [f"{base}/{file['path']}" for file in stored]}


@bp.api("delete_job_file")
@params(DeleteJobFile, source=MERGED)
@requires(Privilege.DELETE_JOBS)
def delete_job_file(caller: Caller, id: str, path: str) -> None:
    """Delete one file of a completed job, an output or an input."""
    job_files.delete(id, path, caller)


def _sent_file(**arguments: Any) -> dict[str, Any]:
    """The one file of the request."""
    return {**arguments, "upload": the_upload(g.incoming.uploads, "file1")}


@bp.api("upload_job_file", returns=SentFileReply)
@params(UploadJobFile, source=BODY, prepare=_sent_file)
def upload_job_file(id: str, auth: str, server: str | None, upload: Upload) -> Returned:
    """Add a file to a running job, for processes that got the job's token as `auth_token`.

    Replies with `key`, the path of the stored file, and `size`, bytes.
    """
    del server  # Workers name their host; the token says all that counts.
    stored = job_files.receive(id, auth, upload)
    return {"key": stored["path"], "size": stored["size"]}


@bp.api("finish_job")
@params(FinishJob, source=BODY)
def finish_job(id: str, auth: str, server: str | None, job: dict[str, Any]) -> None:
    """Refused for every job: here a job ends with its own process."""
    del server
    job_files.finish(id, auth, job)


@bp.api("file", media_type="*/*", statuses=STATUSES)
@params(StoredFile)
def file(path: str, download: str | None) -> Response:
    """Send a stored file; its path has a random part that nobody can guess.

    Supports `Range`, `ETag`, `If-Modified-Since` and HEAD; 404 as text.
    """
    return _send_file(path, download)


@bp.get("/files/", defaults={"key": ""}, strict_slashes=False)
@bp.get("/files/<path:key>")
def stored_file(key: str) -> Response:
    """Send a stored file, named by the URL itself or by its parameter `path`."""
    return _send_file(key or request.args.get("path", ""), request.args.get("download"))


def _send_file(path: str, download: str | None) -> Response:
    key = f"files/{path.removeprefix('/').removeprefix('files/')}"
    stored = blobs.open_file(current_app.config["INSTANCE_PATH"], key)
    return file_response(stored, key.rpartition("/")[2], download=download, pause=pause)
