"""Parameters of the endpoints that take in, send and delete stored files."""

from typing import Any

from core.errors import BadRequest
from schemas.wire import Anything, Id, Pattern, RequestSchema

_JOB_ID = "The job's id."


class StoredFile(RequestSchema):
    """A stored file, and how it is to be saved."""

    path = Pattern("", required=True, metadata={"description": "The file's `path`."})
    download = Pattern(
        "", load_default=None, metadata={"description": "`1`, or the name to save it under."}
    )


class DeleteJobFile(RequestSchema):
    """Which file of which job."""

    id = Id(required=True, metadata={"description": _JOB_ID})
    path = Pattern("", required=True, metadata={"description": "The `path` in the job's files."})


class UploadJobFile(RequestSchema):
    """Which running job, and the proof that the caller acts for it; the file comes as `file1`."""

    id = Id(required=True, metadata={"description": _JOB_ID})
    auth = Pattern(
        r"^[\w\-]+\Z",
        required=True,
        metadata={"description": "The job's token, or an API key that may run jobs."},
    )
    server = Pattern("", load_default=None, metadata={"description": "Not looked at."})


class _Job(Anything):
    """A required object."""

    def _deserialize(self, value: Any, attr: str | None, *_: Any, **__: Any) -> Any:
        if not isinstance(value, dict):
            raise BadRequest(f"Parameter is not type object: {attr}")
        return value


class FinishJob(UploadJobFile):
    """Which running job, the proof that the caller acts for it, and the result."""

    job = _Job(required=True, metadata={"description": "The job as it ended."})
