"""Reading requests: parameters from query and body, files, and credentials apart from both."""

import re
from dataclasses import dataclass, field
from enum import StrEnum, auto
from io import SEEK_END
from typing import Any
from urllib.parse import parse_qsl

from flask import request

from blueprints.bodies import MAX_FIELDS, MalformedBody, read_multipart, read_whole
from core import json
from core.aside import aside_if_large
from core.errors import BadRequest
from core.javascript import is_truthy
from schemas.run import Upload
from schemas.wire import malformed_type

Parameters = dict[str, Any]

#: What is meant for the server and not for the endpoint: who calls, and how to reply.
_NOT_PARAMETERS = (
    *("api_key", "session_id", "csrf_token", "pretty", "cachebust"),
    "idempotency_key",
)
_MAX_IDEMPOTENCY_KEY_CHARS = 255
#: Content types of which the body is JSON.
_JSON_TYPES = re.compile(r"text|javascript|js|json")


class Source(StrEnum):
    """Where an endpoint takes its parameters from."""

    #: Query and body; the query wins.
    MERGED = auto()
    #: The body alone.
    BODY = auto()
    #: Query and body; the body wins, and may be kept whole.
    RUN = auto()


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


def read(*, takes_files: bool) -> Incoming:
    """Read the current request; raises `MalformedBody` or `TooLarge`.

    Only where files are wanted may they make the body larger than parameters may be.
    """
    environ = request.environ
    query_string = environ.get("QUERY_STRING", "")
    # Servers hand the raw bytes over as Latin-1 text.
    query = parse_form(query_string.encode("latin-1")) if query_string else {}
    incoming = Incoming(query, {})
    if "CONTENT_LENGTH" in environ or "HTTP_TRANSFER_ENCODING" in environ:
        _read_body(incoming, takes_files=takes_files)
    incoming.credentials = (_take_credentials(incoming.body), _take_credentials(query))
    return incoming


def idempotency_key(incoming: Incoming) -> str | None:
    """What a request says to be the same as when it was sent before; an empty key is none."""
    key: Any = request.headers.get("Idempotency-Key")
    for values in incoming.credentials:
        key = key or values.get("idempotency_key")
    if not is_truthy(key):
        return None
    if not isinstance(key, str):
        raise malformed_type("idempotency_key", key)
    if len(key) > _MAX_IDEMPOTENCY_KEY_CHARS:
        raise BadRequest("Malformed parameter value: idempotency_key")
    return key


def parse_form(data: bytes) -> Parameters:
    """Form-encoded text as parameters; a repeated one becomes an array."""
    values: Parameters = {}
    text = data.decode("utf-8", "replace")
    try:
        pairs = parse_qsl(text, keep_blank_values=True, max_num_fields=MAX_FIELDS)
    except ValueError:
        raise MalformedBody(f"More than {MAX_FIELDS} parameters") from None
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


def _read_body(incoming: Incoming, *, takes_files: bool) -> None:
    """Read the body as its content type says; one of no known type gives no parameters."""
    kind = request.mimetype
    if request.method == "HEAD":
        return
    if kind == "multipart/form-data":
        form, files = read_multipart(takes_files=takes_files)
        for name, value in form.items(multi=True):
            _add(incoming.body, name, value)
        incoming.uploads = [_upload(name, item) for name, item in files.items(multi=True)]
    elif kind == "application/x-www-form-urlencoded":
        incoming.body = aside_if_large(parse_form, read_whole())
    elif _JSON_TYPES.search(kind):
        incoming.body = aside_if_large(_parse_json, read_whole())


def _parse_json(data: bytes) -> Parameters:
    """The members of a JSON object; none where the body is JSON of another kind."""
    try:
        value = json.loads(data)
    except json.JSONError as error:
        raise MalformedBody(f"Failed to parse JSON: SyntaxError: {error}") from None
    return value if isinstance(value, dict) else {}


def _upload(name: str, item: Any) -> Upload:
    item.stream.seek(0, SEEK_END)
    size = item.stream.tell()
    item.stream.seek(0)
    return Upload(name, item.filename, item.stream, size)
