"""Replies that last: the event stream of a job, and waiting for a job to end."""

import time
from collections.abc import Iterator
from contextlib import closing

from flask import Response, current_app, request, stream_with_context

from blueprints.auth import current_caller
from blueprints.replies import json_response, spliced
from blueprints.streaming import END_ID, JobStream
from blueprints.wire import ApiBlueprint, params
from core import clock
from core.errors import ApiError, BadRequest, NotFound
from schemas.log import StreamJob
from services import job_views, jobs
from services.access import OPERATOR
from services.follow import Subscription, follow

bp = ApiBlueprint("streams", __name__)

#: An answer that takes longer begins with white space, so that proxies stay awake, seconds.
_SILENCE_SECONDS = 10.0
_STREAM_HEADERS = {"Cache-Control": "no-cache", "X-Accel-Buffering": "no"}


@bp.api("stream_job", media_type="text/event-stream", statuses=(204,))
@params(StreamJob)
def stream_job(id: str, token: str | None, output: bool) -> Response:
    """Follow a job as Server-Sent Events: `start`, `update` as it changes, `end`.

    With `output`, `output` events carry new log text. Each event has an id; a client that
    reconnects with `Last-Event-ID` gets what is true now, and the log from where it was.
    """
    _authorise(id, token)
    last_id = request.headers.get("Last-Event-ID", "")
    if last_id == END_ID:
        return Response(status=204)
    offset = _offset(last_id) if output else None
    subscription = follow(id)
    response = Response(
        stream_with_context(_events(subscription, offset)),
        headers=_STREAM_HEADERS,
        content_type="text/event-stream",
    )
    response.call_on_close(subscription.close)
    return response


def _authorise(job_id: str, token: str | None) -> None:
    """A stream token opens the stream alone; without one, the caller needs access to the job."""
    if token is None:
        jobs.load_for(job_id, current_caller())
    elif not job_views.token_opens(token, job_id, "stream", clock.now()):
        raise BadRequest("Authentication failed.")


def _offset(last_id: str) -> int:
    """How much of the log a reconnecting client has: the second part of its last event's id."""
    _, _, offset = last_id.partition(":")
    return int(offset) if offset.isascii() and offset.isdecimal() and len(offset) < 16 else 0


def _events(subscription: Subscription, offset: int | None) -> Iterator[str]:
    with closing(subscription):
        stream = JobStream(subscription, current_app.config["INSTANCE_PATH"], offset)
        yield from stream.events()


def wait_for_job(job_id: str, timeout_seconds: float | None) -> Response:
    """The reply of `/wait`: the job once it has ended, or as it stands when time is up."""
    ends = None if timeout_seconds is None else time.monotonic() + timeout_seconds
    subscription = follow(job_id)
    if _await_end(subscription, ends, _SILENCE_SECONDS):
        subscription.close()
        return json_response(_job_reply(job_id))
    response = Response(
        stream_with_context(_slowly(subscription, ends)),
        headers={"X-Accel-Buffering": "no", "Cache-Control": "no-store"},
        content_type="application/json",
    )
    response.call_on_close(subscription.close)
    return response


def _await_end(subscription: Subscription, ends: float | None, seconds: float) -> bool:
    """Wait until the job has ended or time is up; false when `seconds` pass before."""
    until = time.monotonic() + seconds
    while subscription.row is not None and not subscription.row.final:
        now = time.monotonic()
        if ends is not None and now >= ends:
            return True
        if now >= until:
            return False
        subscription.wait(min(until, ends or until) - now)
    return True


def _slowly(subscription: Subscription, ends: float | None) -> Iterator[str]:
    """White space while the job runs, then the reply; an error comes under the status 200."""
    with closing(subscription):
        yield " "
        while not _await_end(subscription, ends, _SILENCE_SECONDS):
            yield " "
        try:
            text = _job_reply(subscription.job_id)
        except ApiError as error:
            text = error.text()
        yield text + "\n"


def _job_reply(job_id: str) -> str:
    """The reply with the job; raises `NotFound` when it left no record."""
    try:
        text = jobs.get_text(job_id, OPERATOR)
    except NotFound as error:
        raise NotFound(f"Failed to wait for job: {error.description}", code="event") from None
    return spliced({"job": text})
