"""What tells whether the server is there: ping and echo, and the checks of supervisors."""

from typing import Any

from flask import Response, g, request
from sqlalchemy.exc import SQLAlchemyError

from blueprints.replies import Returned, reply
from blueprints.wire import MERGED, ApiBlueprint, NoParameters, params
from core.errors import Unavailable
from models.database import db
from models.leader import Leader
from schemas.replies import EchoReply
from schemas.system import Echo

bp = ApiBlueprint("system", __name__)

#: Headers that may prove who calls.
_SECRET_HEADERS = {"authorization", "cookie", "x-api-key", "x-session-id", "x-csrf-token"}
_RETRY_SECONDS = "1"


@bp.api("ping")
@params(NoParameters, source=MERGED)
def ping() -> None:
    """Do nothing, for everybody; tells that the server answers."""


@bp.api("echo", returns=EchoReply)
@params(Echo, source=MERGED)
def echo(params: dict[str, Any]) -> Returned:
    """Show what the server understood of the request, without credentials.

    Replies with `params`, `files` (name and size in bytes) and `headers`.
    """
    files = {
        upload.field: {"name": upload.filename, "size": upload.size_bytes}
        for upload in g.incoming.uploads
    }
    headers = {
        name: value
        for name, value in request.headers.items()
        if name.lower() not in _SECRET_HEADERS
    }
    return {"params": params, "files": files, "headers": headers}


@bp.get("/health")
def health() -> Response:
    """Tell that this process answers."""
    return reply({"master": True})


@bp.get("/ready")
def ready() -> Response:
    """Tell whether jobs would run; 503 with what is missing while they would not."""
    headers = {"Retry-After": _RETRY_SECONDS}
    try:
        leader = db.read(Leader.current)
    except SQLAlchemyError:
        text = "The database does not answer, or was not set up."
        raise Unavailable(text, code="database", headers=headers) from None
    if leader is None or not leader[2]:
        text = "No engine runs: jobs are accepted and wait until one does."
        raise Unavailable(text, code="engine", headers=headers)
    return reply({"ready": True})
