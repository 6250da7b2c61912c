"""Request bodies: read up to a limit, without holding up others, and never left unread."""

import socket
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO, Any, cast

import gevent
from flask import Response, current_app, g, request
from gunicorn.http.errors import ParseException
from werkzeug.datastructures import FileStorage, MultiDict
from werkzeug.exceptions import HTTPException, RequestEntityTooLarge
from werkzeug.formparser import FormDataParser

from core.disk import free_bytes
from core.errors import BadRequest, TooLarge, Unavailable
from core.spool import Spool

#: The most parameters in a query or form.
MAX_FIELDS = 1000
_BLOCK_BYTES = 64 * 1024
#: Seconds in which the next block has to arrive; whoever sends less than a KiB a second has gone.
_BLOCK_SECONDS = 60.0
#: The most that is read of a body which nobody wants any more, and how long that may take, seconds.
_MOST_DRAINED_BYTES = 1024 * 1024 * 1024
_DRAIN_SECONDS = 60.0
#: How often, in bytes that arrived, is looked whether the disk has room for more.
_ROOM_STEP_BYTES = 8 * 1024 * 1024
#: Set in the environment of a request whose body was read to its end.
_WAS_READ = "switchyard.body_was_read"


class MalformedBody(BadRequest):
    """The body is not what its content type says."""


class BodyTimeout(MalformedBody):
    """The body does not arrive."""

    status = 408


class _Body:
    """The request's body, up to a limit, read so that a fast sender stops nobody else.

    `g.max_body_bytes` lowers the limit, for endpoints that have one of their own. A body that ends
    before it should, or does not arrive, is an error: half a form would look like a whole one.
    """

    def __init__(self, limit_bytes: int) -> None:
        limit_bytes = min(limit_bytes, g.get("max_body_bytes", limit_bytes))
        self._length = request.content_length
        if (self._length or 0) > limit_bytes:
            raise _too_large(limit_bytes)
        self._limit_bytes = limit_bytes
        self.size = 0

    def read(self, size: int = _BLOCK_BYTES) -> bytes:
        """The next bytes; raises `TooLarge` when there are more than the limit."""
        _pause()
        data = _receive(request.stream, min(size, _BLOCK_BYTES))
        self.size += len(data)
        if self.size > self._limit_bytes:
            raise _too_large(self._limit_bytes)
        if not data and self.size < (self._length or 0):
            raise MalformedBody("The request body ended too early.")
        return data


def _receive(stream: IO[bytes], size: int) -> bytes:
    """The next bytes from the network; what goes wrong there is the sender's doing."""
    late = TimeoutError()
    try:
        with gevent.Timeout(_BLOCK_SECONDS, late):
            return stream.read(size)
    except (OSError, ParseException, HTTPException) as error:
        # Where the next request would start is not known, so nothing more can be read.
        request.environ[_WAS_READ] = True
        if error is late:
            raise BodyTimeout("The request body did not arrive in time.") from None
        raise MalformedBody("The request body is broken off or malformed.") from None


class _RoomyBody(_Body):
    """A body that goes to disk, as long as the disk has room."""

    _room_until = 0

    def read(self, size: int = _BLOCK_BYTES) -> bytes:
        """The next bytes; raises `Unavailable` when the disk is nearly full."""
        if self.size >= self._room_until:
            settings = current_app.config
            if free_bytes(settings["INSTANCE_PATH"]) < settings["MIN_FREE_BYTES"]:
                raise Unavailable("Not enough disk space for files.", headers={"Retry-After": "30"})
            self._room_until = self.size + _ROOM_STEP_BYTES
        return super().read(size)


def _pause() -> None:
    """Give other requests their turn: a read that finds data doesn't wait, so it gives none."""
    time.sleep(1e-9)


def _too_large(limit_bytes: int) -> TooLarge:
    return TooLarge(f"The request body is larger than {limit_bytes} bytes.")


def read_whole() -> bytes:
    """The whole body; raises `TooLarge` for one that is too large for parameters."""
    stream = _Body(current_app.config["MAX_JSON_BYTES"])
    data = b"".join(iter(stream.read, b""))
    request.environ[_WAS_READ] = True
    return data


def read_multipart(*, takes_files: bool) -> tuple[MultiDict[str, str], MultiDict[str, FileStorage]]:
    """Fields and files of a multipart body; whoever asks closes the files.

    Raises `TooLarge` or `MalformedBody`.
    """
    stream = _RoomyBody(current_app.config["MAX_UPLOAD_BYTES" if takes_files else "MAX_JSON_BYTES"])
    with _spools(current_app.config["INSTANCE_PATH"] / "files") as open_spool:
        parser = FormDataParser(
            stream_factory=open_spool,
            max_form_memory_size=current_app.config["MAX_JSON_BYTES"],
            max_form_parts=MAX_FIELDS,
            silent=False,
        )
        _, form, files = parser.parse(
            # The parser needs nothing of a stream but `read`.
            cast("IO[bytes]", stream),
            request.mimetype,
            request.content_length,
            request.mimetype_params,
        )
        if None in form or None in files:
            raise ValueError("a part has no name")
    request.environ[_WAS_READ] = True
    return form, files


@contextmanager
def _spools(folder: Path) -> Iterator[Callable[..., IO[bytes]]]:
    """Makes places for files, and drops them when the body turns out bad."""
    spools: list[Spool] = []

    def open_spool(*_: Any, **__: Any) -> IO[bytes]:
        spools.append(Spool(folder))
        # The parser needs nothing of a file but what a spool has.
        return cast("IO[bytes]", spools[-1])

    try:
        yield open_spool
    except BaseException as error:
        for spool in spools:
            spool.close()
        if isinstance(error, RequestEntityTooLarge):
            raise TooLarge("The form has too many or too large fields.") from None
        if isinstance(error, (ValueError, EOFError)):
            raise MalformedBody("Failed to parse the multipart body") from None
        raise


def drain_unread_body(response: Response) -> None:
    """Read what is left of the body once the reply is sent.

    Clients that send first and read later then get the reply; the server, which would read the
    rest in tiny steps and without a pause, finds nothing left.
    """
    environ = request.environ
    length = request.content_length
    has_body = length is None and "HTTP_TRANSFER_ENCODING" in environ
    if (has_body or (length or 0) > _BLOCK_BYTES) and _WAS_READ not in environ:
        stream, connection = request.stream, environ.get("gunicorn.socket")
        response.call_on_close(lambda: _drain(stream, connection))


def _drain(stream: IO[bytes], connection: socket.socket | None) -> None:
    """Read to the end of a body; where that does not come, end the connection."""
    try:
        with gevent.Timeout(_DRAIN_SECONDS, TimeoutError()):
            for _ in range(_MOST_DRAINED_BYTES // _BLOCK_BYTES):
                if not stream.read(_BLOCK_BYTES):
                    return
                _pause()
        if connection is not None:
            connection.shutdown(socket.SHUT_RDWR)
    except (OSError, ValueError, HTTPException, ParseException):
        # The client is gone, or sends what is no HTTP: the server closes the connection.
        return
