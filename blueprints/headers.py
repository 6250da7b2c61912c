"""What every request and reply gets: clean paths, preflights, request ids, security headers."""

import re
import uuid
from collections.abc import Callable, Iterable
from typing import Any

from flask import Flask, Response, request

from blueprints.parameters import drain_unread_body

_REQUEST_ID = re.compile(r"[\w\-.]{1,128}", re.ASCII)
_SLASHES = re.compile(r"/{2,}")
#: Browsers may remember the answer to a preflight for this long.
_PREFLIGHT_SECONDS = "1728000"
_METHODS = "POST, GET, HEAD, OPTIONS"

WSGIApp = Callable[[dict[str, Any], Any], Iterable[bytes]]


def init_headers(app: Flask) -> None:
    """Prepare every request and finish every reply of the application."""
    app.url_map.merge_slashes = False
    app.wsgi_app = merge_slashes(app.wsgi_app)  # type: ignore[method-assign, assignment]
    app.before_request(_answer_preflight)
    app.after_request(_add_headers)
    app.after_request(drain_unread_body)


def merge_slashes(wsgi_app: WSGIApp) -> WSGIApp:
    """Take several slashes for one, where Werkzeug would redirect: clients don't follow a POST."""

    def merged(environ: dict[str, Any], start_response: Any) -> Iterable[bytes]:
        path = environ.get("PATH_INFO", "")
        if "//" in path:
            environ["PATH_INFO"] = _SLASHES.sub("/", path)
        return wsgi_app(environ, start_response)

    return merged


def request_id() -> str:
    """The id of the current request: the client's own where it is a sane one."""
    environ = request.environ
    found: str | None = environ.get("switchyard.request_id")
    if found is None:
        sent = environ.get("HTTP_X_REQUEST_ID", "")
        found = sent if _REQUEST_ID.fullmatch(sent) else uuid.uuid4().hex
        environ["switchyard.request_id"] = found
    return found


def _answer_preflight() -> Response | None:
    """Answer OPTIONS for any URL; browsers ask before they call from another origin."""
    if request.method != "OPTIONS":
        return None
    asked = request.headers.get("Access-Control-Request-Headers")
    response = Response(status=200)
    response.headers.update(
        {
            "Access-Control-Allow-Origin": request.headers.get("Origin", "*"),
            "Access-Control-Allow-Methods": _METHODS,
            "Access-Control-Allow-Headers": asked or "*",
            "Access-Control-Max-Age": _PREFLIGHT_SECONDS,
            "Vary": "Origin, Access-Control-Request-Headers",
        }
    )
    # The API's preflights carry neither a body nor a type.
    del response.headers["Content-Type"]
    return response


def _add_headers(response: Response) -> Response:
    headers = response.headers
    headers["X-Request-ID"] = request_id()
    headers["X-Content-Type-Options"] = "nosniff"
    headers["Referrer-Policy"] = "no-referrer"
    return response
