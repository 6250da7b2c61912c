"""The one place that shows errors: one shape, and the status that the URL asks for."""

import errno
import logging
import re

from flask import Flask, Response, request
from sqlalchemy.exc import DataError, DBAPIError
from sqlalchemy.exc import TimeoutError as NoConnection
from werkzeug.exceptions import BadRequest as HTTPBadRequest
from werkzeug.exceptions import HTTPException, MethodNotAllowed, RequestEntityTooLarge
from werkzeug.exceptions import NotFound as HTTPNotFound

from blueprints.bodies import MalformedBody
from blueprints.headers import preflight
from blueprints.replies import json_response
from core import json
from core.errors import ApiError, BadRequest, Defect, NotFound, TooLarge, Unavailable
from core.redaction import without_secrets
from schemas.wire import without_tags

logger = logging.getLogger(__name__)

_VERSIONED = re.compile(r"[^?]+/v\d+(?:/|\Z)", re.ASCII)
_API = re.compile(r"/api/(\w+)/(\w+)", re.ASCII)
_RETRY_SECONDS = "5"
_PASSING_TROUBLE = re.compile(
    r"database is locked|disk is full|connection failed|connection timeout|could not connect"
)
#: Classes of SQL's states: connection, rollback, resources, locks, intervention of an operator.
_PASSING_STATES = frozenset({"08", "40", "53", "55", "57"})


def init_errors(app: Flask) -> None:
    """Show every error of the application in the API's form."""
    app.register_error_handler(ApiError, show)
    app.register_error_handler(HTTPException, show_http_error)
    app.register_error_handler(DBAPIError, show_database_error)
    app.register_error_handler(DataError, show_data_error)
    app.register_error_handler(NoConnection, show_no_connection)
    app.register_error_handler(OSError, show_system_error)
    app.register_error_handler(Exception, show_defect)


def show(error: ApiError) -> Response:
    """The reply for an error that the caller may see."""
    return _response(error, _status(error))


def show_http_error(error: HTTPException) -> Response:
    """The reply for what Flask or Werkzeug refused; no URL takes OPTIONS, so that ends here."""
    if request.method == "OPTIONS":
        return preflight()
    if isinstance(error, HTTPNotFound):
        return _show_unknown_url()
    if isinstance(error, RequestEntityTooLarge):
        return show(TooLarge("The request body is too large."))
    if isinstance(error, MethodNotAllowed):
        shown = ApiError(f"Method not allowed: {request.method}")
        shown.headers["Allow"] = ", ".join((*sorted(error.valid_methods or ()), "OPTIONS"))
        return _response(shown, 405)
    if isinstance(error, HTTPBadRequest):
        return show(MalformedBody("The request is malformed."))
    return _response(ApiError(error.name), error.code or 500)


def show_database_error(error: DBAPIError) -> Response:
    """503 for what passes, such as a full disk or a restart; everything else is a defect."""
    state = getattr(error.orig, "sqlstate", None) or ""
    is_passing = error.connection_invalidated or state[:2] in _PASSING_STATES
    if is_passing or _PASSING_TROUBLE.search(str(error.orig)):
        logger.error("The database refuses work: %s", error.orig)
        return show(_unavailable("The database can't take this now."))
    return show_defect(error)


def show_data_error(error: DataError) -> Response:
    """400 for a value that no column takes: too long, too large."""
    logger.warning("The database refuses a value: %s", error.orig)
    return show(BadRequest("A value is too long or too large."))


def show_no_connection(_error: NoConnection) -> Response:
    """503 when all connections to the database are in use."""
    return show(_unavailable("The database can't take this now."))


def show_system_error(error: OSError) -> Response:
    """503 when the disk is full; everything else is a defect."""
    if error.errno in (errno.ENOSPC, errno.EDQUOT):
        logger.error("The disk is full: %s", error)
        return show(_unavailable("The disk is full."))
    return show_defect(error)


def show_defect(error: Exception) -> Response:
    """The reply for what nobody expected: the log gets everything, the caller nothing."""
    path = without_secrets(request.path)
    logger.error("%s %s failed", request.method, path, exc_info=error)
    return show(Defect("Internal server error"))


def _unavailable(text: str) -> Unavailable:
    return Unavailable(text, code="internal", headers={"Retry-After": _RETRY_SECONDS})


def _show_unknown_url() -> Response:
    """The reply for a URL that nothing serves, in the words that clients know."""
    path = request.path
    if path in ("/api", "/api/"):
        return Response(f"404 Not Found: {path}\n", 404, content_type="text/html")
    if not path.startswith("/api/"):
        return _response(NotFound(f"Not found: {path}"), 404)
    match = _API.match(path)
    if match is None:
        return show(NotFound(f"Invalid API URL: {path}", code=1))
    namespace, name = match.groups()
    unknown = f"app/api_{name}" if namespace == "app" else namespace
    return show(NotFound(f"Unsupported API: {unknown}", code=1))


def _status(error: ApiError) -> int:
    """200 for endpoints that were asked for without a version, whatever happened.

    Not so for bodies that can't be read, and outside the API.
    """
    always = isinstance(error, (MalformedBody, TooLarge))
    path = request.path
    if always or not path.startswith("/api/") or _VERSIONED.match(path):
        return error.status
    return 200


def _response(error: ApiError, status: int) -> Response:
    body = error.body()
    body["description"] = without_tags(str(body["description"]))
    return json_response(json.dumps(body), status, error.headers)
