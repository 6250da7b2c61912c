"""Request bodies: read up to a limit, without holding up others, and never left unread."""

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import SpooledTemporaryFile
from typing import IO, Any, TypeVar, cast

from flask import Response, current_app, request
from gevent import monkey
from werkzeug.datastructures import FileStorage, MultiDict
from werkzeug.exceptions import HTTPException, RequestEntityTooLarge
from werkzeug.formparser import FormDataParser

from core.errors import ApiError, BadRequest, TooLarge

Result = TypeVar("Result")

#: The most parameters in a query or form.
MAX_FIELDS = 1000
#: Bodies from this size on are parsed outside the event loop.
_LARGE_BYTES = 256 * 1024
_BLOCK_BYTES = 64 * 1024
#: Larger files wait on disk, in the instance folder, until the request is done.
_SPOOL_BYTES = 256 * 1024
#: Set in the environment of a request whose body was read to its end.
_WAS_READ = "switchyard.body_was_read"


class MalformedBody(BadRequest):
    """The body is not what its content type says."""


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


def read_whole() -> bytes:
    """The whole body; raises `TooLarge` for one that is too large for parameters."""
    stream = _Body(current_app.config["MAX_JSON_BYTES"])
    data = b"".join(iter(stream.read, b""))
    request.environ[_WAS_READ] = True
    return data


def read_multipart() -> tuple[MultiDict[str, str], MultiDict[str, FileStorage]]:
    """Fields and files of a multipart body; whoever asks closes the files.

    Raises `TooLarge` or `MalformedBody`.
    """
    stream = _Body(current_app.config["MAX_UPLOAD_BYTES"])
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
    """Makes temporary files, without names, and closes them when the body turns out bad."""
    spools: list[IO[bytes]] = []

    def open_spool(*_: Any, **__: Any) -> IO[bytes]:
        spool = SpooledTemporaryFile(_SPOOL_BYTES, dir=str(folder))  # noqa: SIM115 - closed later
        spools.append(cast("IO[bytes]", spool))
        return spools[-1]

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
