"""The endpoint of magic links: runs an event for whoever has its link."""

import re
from collections.abc import Callable
from functools import wraps
from typing import Any

from flask import current_app, g, request

from blueprints import streams
from blueprints.events import with_uploads
from blueprints.replies import Returned
from blueprints.wire import MERGED, ApiBlueprint, params
from core.errors import BadRequest
from schemas.magic import RunMagic
from schemas.replies import MagicReply
from schemas.run import Upload
from services import magic

bp = ApiBlueprint("magic", __name__)

_URL = re.compile(r"/api/app/magic(?:/v\d+)?/(?!v\d+(?:/|\Z))([\w-]{1,255})(?:/.*)?", re.ASCII)
_STARTED = "Your job has started in the background."


def _opened(view: Callable[..., Any]) -> Callable[..., Any]:
    """Look at the link's token before anything is read: what the world sends must cost little."""

    @wraps(view)
    def check() -> Any:
        match = _URL.fullmatch(request.path)
        if match is None:
            raise BadRequest("Malformed URL.")
        g.magic_event = magic.find(match[1])
        g.max_body_bytes = current_app.config["MAX_MAGIC_BYTES"]
        return view()

    return check


@bp.api("magic", returns=MagicReply, below="{token}")
@_opened
@params(RunMagic, source=MERGED, prepare=with_uploads)
def run_magic(
    params: dict[str, Any],
    job_input: dict[str, Any] | None,
    uploads: list[Upload],
    idempotency_key: str | None,
) -> Returned:
    """Run the event that a magic link belongs to.

    The token in the path, that of an enabled `magic` trigger, is all that is needed. Every
    parameter becomes one of the job's. Replies with `id`, the job's id, and `stream`, the token
    that opens its stream; below the path `/wait` with `job`, once that is complete.
    """
    job_id, token = magic.run(g.magic_event, params, job_input, uploads, idempotency_key)
    if "/wait" in request.path:
        return streams.wait_for_job(job_id, None)
    return {"description": _STARTED, "id": job_id, "stream": token}
