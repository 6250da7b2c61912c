"""Parameters of the endpoints that send logs and streams."""

from typing import Any

from marshmallow import fields

from core.errors import BadRequest
from core.javascript import to_string, type_of
from schemas.wire import Flag, Id, Pattern, RequestSchema

_JOB_ID = "The job's id."
_MOST_TAIL_BYTES = 1024 * 1024


class LogLink(RequestSchema):
    """A link to a log: the job, and the token that opens it."""

    id = Id(required=True, metadata={"description": _JOB_ID})
    t = Pattern(r"^[\w\-]+\Z", required=True, metadata={"description": "The job's `token`."})


class TailBytes(fields.Field[int]):
    """A number of bytes, as a number or as digits."""

    def _deserialize(self, value: Any, *_: Any, **__: Any) -> int:
        if isinstance(value, bool) or not isinstance(value, (int, float, str)):
            raise BadRequest(f"Malformed parameter type: bytes ({type_of(value)})")
        text = to_string(value)
        if not (text.isascii() and text.isdecimal()):
            raise BadRequest("Malformed parameter value: bytes")
        if len(text) > 9 or not 1 <= int(text) <= _MOST_TAIL_BYTES:
            raise BadRequest(f"Requested byte count out of range (1 - {_MOST_TAIL_BYTES})")
        return int(text)


class TailLog(RequestSchema):
    """Which running job's log, and how much of its end."""

    id = Id(required=True, metadata={"description": _JOB_ID})
    bytes = TailBytes(load_default=32768, metadata={"description": "How many bytes at most."})


class StreamJob(RequestSchema):
    """Which job to stream, and whether its log text is to come along."""

    id = Id(required=True, metadata={"description": _JOB_ID})
    token = Pattern(
        "", load_default=None, metadata={"description": "The stream token, instead of a key."}
    )
    output = Flag(load_default=False, metadata={"description": "Also send new log text."})
