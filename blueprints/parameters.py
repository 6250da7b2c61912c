"""Reading requests: parameters from query and body, files, and credentials apart from both."""

import re
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from enum import StrEnum, auto
from io import SEEK_END
from typing import IO, Any, TypeVar, cast
from urllib.parse import parse_qsl

from flask import Response, current_app, request
from gevent import monkey
from werkzeug.exceptions import HTTPException, RequestEntityTooLarge
from werkzeug.formparser import FormDataParser

from core import json
from core.errors import ApiError, BadRequest, TooLarge
from schemas.run import Upload

Result = TypeVar("Result")
Parameters = dict[str, Any]

#: What proves who calls; it is never a parameter.
CREDENTIALS = ("api_key", "session_id", "csrf_token")
#: What is meant for the server and not for the endpoint.
_NOT_PARAMETERS = (*CREDENTIALS, "pretty", "cachebust")
#: Content types of which the body is JSON.
_JSON_TYPES = re.compile(r"text|javascript|js|json")
#: The most parameters in a query or form.
_MAX_FIELDS = 1000
#: Bodies from this size on are parsed outside the event loop.
_LARGE_BYTES = 256 * 1024
_BLOCK_BYTES = 64 * 1024
#: Set in the environment of a request whose body was read to its end.
_WAS_READ = "switchyard.body_was_read"


class Source(StrEnum):
    """Where an endpoint takes its parameters from."""

    #: Query and body; the query wins.
    MERGED = auto()
    #: The body alone.
    BODY = auto()
    #: Query and body; the body wins, and may be kept whole.
    RUN = auto()


class MalformedBody(BadRequest):
    """The body is not what its content type says."""


@dataclass
class Incoming:
    """What a request brought: its parameters, its files, and what proves who calls."""

    query: Parameters
    body: Parameters
    uploads: list[Upload] = field(default_factory=list)
    #: The credentials found in the body and in the query.
    credentials: tuple[Parameters, Parameters] = ({}, {})

    def parameters(self, source: Source) -> Parameters:
        """The parameters that count for an endpoint."""
        if source is Source.BODY:
            return self.body
        if source is Source.MERGED:
            return {**self.body, **self.query}
        if self.query.get("post_data"):
            return {**self.query, "post_data": self.body}
        return {**self.query, **self.body}


def read() -> Incoming:
    """Read the current request; raises `MalformedBody` or `TooLarge`."""
    environ = request.environ
    query_string = environ.get("QUERY_STRING", "")
    # Servers hand the raw bytes over as Latin-1 text.
    query = parse_form(query_string.encode("latin-1")) if query_string else {}
    incoming = Incoming(query, {})
    if "CONTENT_LENGTH" in environ or "HTTP_TRANSFER_ENCODING" in environ:
        _read_body(incoming)
    incoming.credentials = (_take_credentials(incoming.body), _take_credentials(query))
    return incoming


def parse_form(data: bytes) -> Parameters:
    """Form-encoded text as parameters; a repeated one becomes an array."""
    values: Parameters = {}
    try:
        pairs = parse_qsl(
            data.decode("utf-8", "replace"), keep_blank_values=True, max_num_fields=_MAX_FIELDS
        )
    except ValueError:
        raise MalformedBody(f"More than {_MAX_FIELDS} parameters") from None
    for name, value in pairs:
        _add(values, name, value)
    return values


def _add(values: Parameters, name: str, value: str) -> None:
    if name not in values:
        values[name] = value
    elif isinstance(values[name], list):
        values[name].append(value)
    else:
        values[name] = [values[name], value]


def _take_credentials(values: Parameters) -> Parameters:
    """Remove and return what is no parameter of an endpoint."""
    return {name: values.pop(name) for name in _NOT_PARAMETERS if name in values}


def _read_body(incoming: Incoming) -> None:
    """Read the body as its content type says; one of no known type gives no parameters."""
    kind = request.mimetype
    if request.method == "HEAD":
        return
    if kind == "multipart/form-data":
        _read_multipart(incoming)
    elif kind == "application/x-www-form-urlencoded":
        incoming.body = aside(parse_form, _read_whole())
    elif _JSON_TYPES.search(kind):
        incoming.body = aside(_parse_json, _read_whole())


def _parse_json(data: bytes) -> Parameters:
    """The members of a JSON object; none where the body is JSON of another kind."""
    try:
        value = json.loads(data)
    except json.JSONError as error:
        raise MalformedBody(f"Failed to parse JSON: SyntaxError: {error}") from None
    return value if isinstance(value, dict) else {}


def _read_whole() -> bytes:
    """The whole body, if it is no larger than a body of parameters may be."""
    stream = _Body(current_app.config["MAX_JSON_BYTES"])
    data = b"".join(iter(stream.read, b""))
    request.environ[_WAS_READ] = True
    return data


def _read_multipart(incoming: Incoming) -> None:
    """Read fields, and files into temporary files."""
    stream = _Body(current_app.config["MAX_UPLOAD_BYTES"])
    memory_limit: int = current_app.config["MAX_JSON_BYTES"]
    parser = FormDataParser(
        max_form_memory_size=memory_limit, max_form_parts=_MAX_FIELDS, silent=False
    )
    try:
        _, form, files = parser.parse(
            # The parser needs nothing of a stream but `read`.
            cast("IO[bytes]", stream),
            request.mimetype,
            request.content_length,
            request.mimetype_params,
        )
    except RequestEntityTooLarge:
        raise TooLarge("The form has too many or too large fields.") from None
    except (ValueError, EOFError):
        raise MalformedBody("Failed to parse the multipart body") from None
    request.environ[_WAS_READ] = True
    if None in form or None in files:
        raise MalformedBody("Failed to parse the multipart body: a part has no name")
    for name, value in form.items(multi=True):
        _add(incoming.body, name, value)
    incoming.uploads = [_upload(name, item) for name, item in files.items(multi=True)]


def _upload(name: str, item: Any) -> Upload:
    item.stream.seek(0, SEEK_END)
    size = item.stream.tell()
    item.stream.seek(0)
    return Upload(name, item.filename, item.stream, size)


class _Body:
    """The request's body, up to a limit, read so that a fast sender stops nobody else."""

    def __init__(self, limit_bytes: int) -> None:
        if (request.content_length or 0) > limit_bytes:
            raise _too_large(limit_bytes)
        self._limit_bytes = self._left_bytes = limit_bytes

    def read(self, size: int = _BLOCK_BYTES) -> bytes:
        """The next bytes; raises `TooLarge` when there are more than the limit."""
        _pause()
        data: bytes = request.stream.read(size)
        self._left_bytes -= len(data)
        if self._left_bytes < 0:
            raise _too_large(self._limit_bytes)
        return data


def _pause() -> None:
    """Give other requests their turn: a read that finds data doesn't wait, so it gives none."""
    time.sleep(1e-9)


def _too_large(limit_bytes: int) -> TooLarge:
    return TooLarge(f"The request body is larger than {limit_bytes} bytes.")


def drain_unread_body(response: Response) -> None:
    """Read what is left of the body once the reply is sent.

    Clients that send first and read later then get the reply; the server, which would read the
    rest in tiny steps and without a pause, finds nothing left.
    """
    environ = request.environ
    length = request.content_length
    has_body = length is None and "HTTP_TRANSFER_ENCODING" in environ
    if (has_body or (length or 0) > _BLOCK_BYTES) and _WAS_READ not in environ:
        stream = request.stream
        response.call_on_close(lambda: _drain(stream))


def _drain(stream: IO[bytes]) -> None:
    try:
        while stream.read(_BLOCK_BYTES):
            _pause()
    except (OSError, ValueError, HTTPException):
        # The client is gone, or sends what is no HTTP: the server closes the connection.
        return


def aside(work: Callable[[bytes], Result], data: bytes) -> Result:
    """Run `work` on `data`; on much data in another thread, so that the event loop goes on."""
    if len(data) < _LARGE_BYTES or not monkey.is_module_patched("threading"):
        return work(data)
    from gevent import get_hub  # noqa: PLC0415 - only where the event loop runs anyway

    result, error = get_hub().threadpool.apply(_outcome, (work, data))
    if error is not None:
        raise error
    return cast("Result", result)


def _outcome(work: Callable[[bytes], Result], data: bytes) -> tuple[Result | None, ApiError | None]:
    """The result or the error of `work`: a thread of gevent's prints what it raises."""
    try:
        return work(data), None
    except ApiError as error:
        return None, error
