"""An endpoint in the words of OpenAPI: its parameters, its body, and all that it may answer."""

import re
from typing import Any

from blueprints.parameters import Source
from blueprints.wire import Endpoint
from schemas.replies import ErrorReply

_JSON = "application/json"
_TEXT = "text/plain"
_EVENTS = "text/event-stream"
_STRING = {"type": "string"}
_FORM = "application/x-www-form-urlencoded"
_MULTIPART = "multipart/form-data"
_IN_BRACES = re.compile(r"{(\w+)}")

SECURITY = {
    "key": {"type": "apiKey", "in": "header", "name": "X-API-Key"},
    "bearer": {"type": "http", "scheme": "bearer"},
    "session": {"type": "apiKey", "in": "header", "name": "X-Session-ID"},
}
#: How every endpoint may fail.
ERRORS = {
    400: "A parameter or the body is missing, malformed, or can't be used.",
    403: "The caller is not known, or may not do this.",
    404: "There is no such thing.",
    405: "Only GET, HEAD and POST are served.",
    408: "The body did not arrive in time.",
    409: "The thing exists, but its state does not allow this.",
    413: "The body is too large.",
    429: "The caller asks too often.",
    500: "A defect of the server.",
    503: "The server can't do this now; `Retry-After` says when to ask again.",
}
#: What other answers than 200 mean.
_ANSWERS = {
    204: "There is nothing to send.",
    206: "The part that was asked for.",
    304: "What the client has is what there is.",
    416: "There is no such part.",
}
#: Answers that have no body.
_EMPTY = (204, 304)


def operations(endpoint: Endpoint) -> dict[str, Any]:
    """GET where the query counts, and POST always."""
    post = _operation(endpoint, "")
    content = _content(endpoint)
    if content:
        post["requestBody"] = {"content": content}
    if endpoint.source is Source.BODY and content:
        return {"post": post}
    get = _operation(endpoint, "_by_query")
    get["parameters"].append({"in": "query", "schema": endpoint.schema})
    return {"get": get, "post": post}


def _content(endpoint: Endpoint) -> dict[str, Any]:
    """The bodies that bring parameters, and those that bring files, under any names."""
    kinds = (_JSON, _FORM) if endpoint.schema.fields else ()
    content: dict[str, Any] = {kind: {"schema": endpoint.schema} for kind in kinds}
    if endpoint.takes_files:
        files = {"type": "object", "properties": {"file1": {"type": "string", "format": "binary"}}}
        schemas = [endpoint.schema, files] if kinds else [files]
        content[_MULTIPART] = {"schema": {"allOf": schemas}}
    return content


def failure(text: str) -> dict[str, Any]:
    """A response that is an error of the one shape."""
    return {"description": text, "content": {_JSON: {"schema": ErrorReply}}}


def _operation(endpoint: Endpoint, suffix: str) -> dict[str, Any]:
    summary, _, text = endpoint.doc.partition("\n\n")
    if endpoint.privilege is not None:
        text = f"{text}\n\nNeeds the privilege `{endpoint.privilege}`.".strip()
    return {
        "operationId": endpoint.name.replace("/", "_") + suffix,
        "tags": [endpoint.group],
        "parameters": _in_path(endpoint),
        "summary": " ".join(summary.split()),
        "description": text,
        "security": [] if endpoint.is_open else [{name: []} for name in SECURITY],
        "responses": _responses(endpoint),
    }


def _in_path(endpoint: Endpoint) -> list[dict[str, Any]]:
    """The parameters that are parts of the path."""
    return [
        {"in": "path", "name": name, "required": True, "schema": _STRING}
        for name in _IN_BRACES.findall(endpoint.below)
    ]


def _responses(endpoint: Endpoint) -> dict[str, Any]:
    """Every status that an endpoint may answer with, and what comes with it."""
    is_json = endpoint.media_type == _JSON
    body = {endpoint.media_type: {"schema": _schema(endpoint)}}
    found: dict[str, Any] = {"200": {"description": "Success.", "content": body}}
    for status in endpoint.statuses:
        content = {} if status in _EMPTY else {"content": body}
        found[str(status)] = {"description": _ANSWERS[status], **content}
    for status, text in ERRORS.items():
        found[str(status)] = str(status) if is_json else _plain_failure(text)
    return found


def _schema(endpoint: Endpoint) -> Any:
    """What an endpoint sends in the end; of a stream, each event."""
    if endpoint.media_type == _EVENTS:
        return {"type": "object", "properties": {"event": _STRING, "data": _STRING, "id": _STRING}}
    return endpoint.returns if endpoint.media_type == _JSON else _STRING


def _plain_failure(text: str) -> dict[str, Any]:
    """A response that is an error of the one shape, or plain text: people see it in browsers."""
    content = {_JSON: {"schema": ErrorReply}, _TEXT: {"schema": _STRING}}
    return {"description": text, "content": content}
