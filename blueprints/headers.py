"""What every request and reply gets: clean paths, preflights, request ids, security headers."""

import re
import secrets
from collections.abc import Callable, Iterable
from typing import Any

from flask import Flask, Request, Response, request
from flask.sessions import NullSession, SessionInterface

from blueprints.bodies import drain_unread_body

_REQUEST_ID = re.compile(r"[\w\-.]{1,128}", re.ASCII)
_SLASHES = re.compile(r"/{2,}")
#: Browsers may remember the answer to a preflight for this long.
_PREFLIGHT_SECONDS = "1728000"
_METHODS = "POST, GET, HEAD, OPTIONS"

WSGIApp = Callable[[dict[str, Any], Any], Iterable[bytes]]


class _NoSessions(SessionInterface):
    """The API has no cookies of its own; Flask would open a signed one for each request."""

    def open_session(self, app: Flask, request: Request) -> NullSession:  # noqa: ARG002 - Flask's
        return NullSession()


def init_headers(app: Flask) -> None:
    """Prepare every request and finish every reply of the application."""
    app.session_interface = _NoSessions()
    app.url_map.merge_slashes = False
    app.wsgi_app = merge_slashes(app.wsgi_app)  # type: ignore[method-assign, assignment]
    app.after_request(_finish)


def merge_slashes(wsgi_app: WSGIApp) -> WSGIApp:
    """Take several slashes for one, where Werkzeug would redirect: clients don't follow a POST."""

    def merged(environ: dict[str, Any], start_response: Any) -> Iterable[bytes]:
        path = environ.get("PATH_INFO", "")
        if "//" in path:
            environ["PATH_INFO"] = _SLASHES.sub("/", path)
        return wsgi_app(environ, start_response)

    return merged


def preflight() -> Response:
    """The answer to OPTIONS, whatever the URL; browsers ask before they call from elsewhere."""
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
    # There is no body, so there is no type either.
    del response.headers["Content-Type"]
    return response


def _finish(response: Response) -> Response:
    """Name the request, keep browsers from guessing, and see that no body is left unread."""
    environ, headers = request.environ, response.headers
    sent = environ.get("HTTP_X_REQUEST_ID")
    is_sane = sent is not None and _REQUEST_ID.fullmatch(sent)
    # No view sets these, and adding is quicker than replacing.
    headers.add("X-Request-ID", sent if is_sane else secrets.token_hex(16))
    headers.add("X-Content-Type-Options", "nosniff")
    headers.add("Referrer-Policy", "no-referrer")
    if "CONTENT_LENGTH" in environ or "HTTP_TRANSFER_ENCODING" in environ:
        drain_unread_body(response)
    return response
