"""Streaming of logs and files: encodings, ranges and validators, in memory of fixed size."""

import mimetypes
import re
import zlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from urllib.parse import quote

import gevent
from flask import Response, request
from werkzeug.http import is_resource_modified

from blueprints.replies import accepts_gzip, refuses_identity
from core import stored_files
from core.archive import StoredLog

#: Gives other clients of this process their turn, so it must let the event loop poll once.
#: `gevent.sleep(0)` does not: it resumes ready greenlets for 5 ms first. `gevent.sleep(1e-9)` does.
Pause = Callable[[], object]

#: What is sent in parts, to clients that may have it already, is answered with these beside 200.
STATUSES = (206, 304, 416)
#: Below this, compressing costs more than it saves.
_MIN_GZIP_BYTES = 1024
_RANGE = re.compile(r"bytes=(\d{0,18})-(\d{0,18})", re.ASCII | re.IGNORECASE)
#: Types in which a browser would run scripts with our origin.
_ACTIVE_TYPES = {
    "application/xhtml+xml",
    "application/xml",
    "image/svg+xml",
    "text/html",
    "text/xml",
}
#: What browsers may do with a file that they show: nothing but look at it.
_SANDBOX = "default-src 'none'; style-src 'unsafe-inline'; sandbox; frame-ancestors 'none'"
#: What no name of a file may hold, in whatever script it is written.
_UNSAFE_FOR_USERS = re.compile(r"[\x00-\x1f\x7f-\x9f/\\:\u200e\u200f\u202a-\u202e\u2066-\u2069]")
_MOST_NAME_CHARS = 200


def pause() -> None:
    """Let the event loop look at its sockets; sleeping for 0 would only run ready greenlets."""
    gevent.sleep(1e-9)


@dataclass(frozen=True)
class _Body:
    """One representation of a log: its blocks, what names it, and its length where it is known."""

    blocks: Iterator[bytes]
    etag: str
    length: int | None
    encoding: str | None = None


def log_response(log: StoredLog, *, filename: str | None = None, pause: Pause) -> Response:
    """The reply that streams a log, gzip-encoded for those who accept it; it closes the log.

    With `filename` it is an attachment. `Range` counts for the plain text, so such a request is
    answered without encoding.
    """
    response = Response(content_type="text/plain; charset=utf-8")
    response.headers["Vary"] = "Accept-Encoding"
    if filename is not None:
        response.headers["Content-Disposition"] = f"attachment; filename={filename}"
    return _fill(response, log, _choose(log), pause)


def file_response(
    file: StoredLog | None, name: str, *, download: str | None = None, pause: Pause
) -> Response:
    """The reply that streams a stored file; 404 as text where there is none; it closes the file.

    `name` is its own name, `download` the one to save it under, or `1`. Types that could run
    scripts are never shown inline.
    """
    if file is None:
        return Response("File not found.\n", status=404, content_type="text/plain; charset=utf-8")
    content_type = _content_type(name)
    response = Response(content_type=content_type)
    response.headers["Cache-Control"] = "public, max-age=0"
    response.headers["Content-Security-Policy"] = _SANDBOX
    response.last_modified = _modified(file)
    if download or content_type.partition(";")[0] in _ACTIVE_TYPES:
        shown = name if download in (None, "", "1") else str(download)
        response.headers["Content-Disposition"] = _attachment(shown)
    return _fill(response, file, _plain(file), pause)


def _choose(log: StoredLog) -> _Body:
    """The representation of a log that this request asks for."""
    if _is_range_request() or not accepts_gzip():
        return _plain(log)
    stored = log.gzip_blocks()
    if stored is not None:
        return _Body(stored, f"{log.etag}-gz", log.gzip_size, "gzip")
    if log.size > _MIN_GZIP_BYTES or refuses_identity():
        # Not the bytes of the archive, so another name.
        return _Body(_compress(log.blocks(0, log.size)), f"{log.etag}-gz1", None, "gzip")
    return _plain(log)


def _plain(log: StoredLog) -> _Body:
    return _Body(log.blocks(0, log.size), log.etag, log.size)


def _fill(response: Response, log: StoredLog, body: _Body, pause: Pause) -> Response:
    """Answer with the body, with a part of it, or that the client has it already."""
    response.call_on_close(log.close)
    response.headers["Accept-Ranges"] = "bytes"
    response.set_etag(body.etag)
    if _is_known(response, body):
        response.status_code = 304
        return response
    wanted = _wanted_range(log)
    if wanted is not None:
        return _fill_part(response, log, wanted, pause)
    if body.encoding:
        response.headers["Content-Encoding"] = body.encoding
    _stream(response, body.blocks, log, pause)
    if body.length is not None:
        response.content_length = body.length
    return response


def _fill_part(
    response: Response, log: StoredLog, wanted: tuple[int, int], pause: Pause
) -> Response:
    start, stop = wanted
    if start >= stop:
        response.status_code = 416
        response.headers["Content-Range"] = f"bytes */{log.size}"
        return response
    response.status_code = 206
    response.headers["Content-Range"] = f"bytes {start}-{stop - 1}/{log.size}"
    _stream(response, log.blocks(start, stop), log, pause)
    response.content_length = stop - start
    return response


def _stream(response: Response, blocks: Iterator[bytes], log: StoredLog, pause: Pause) -> None:
    """Let the reply pull block by block: what a slow client has not read is not read here."""

    def generate() -> Iterator[bytes]:
        try:
            for block in blocks:
                if block:
                    yield block
                pause()
        finally:
            log.close()

    response.response = generate()


def _compress(blocks: Iterator[bytes]) -> Iterator[bytes]:
    """The blocks as one gzip stream, fast rather than small; some are empty."""
    compressor = zlib.compressobj(1, zlib.DEFLATED, 16 + zlib.MAX_WBITS)
    for block in blocks:
        yield compressor.compress(block)
    yield compressor.flush()


def _is_range_request() -> bool:
    """Ranges are defined for GET alone."""
    return request.method == "GET" and "Range" in request.headers


def _wanted_range(log: StoredLog) -> tuple[int, int] | None:
    """Start and stop that the request asks for, empty when there are no such bytes.

    None stands for the whole: no range, several, a malformed one, or one of another version.
    """
    match = _RANGE.fullmatch(request.headers.get("Range", "").strip())
    if match is None or not _is_range_request() or not _if_range_holds(log):
        return None
    first, last = match.groups()
    if first:
        if last and int(last) < int(first):
            return None
        return int(first), min(int(last) + 1, log.size) if last else log.size
    return (max(log.size - int(last), 0), log.size) if last else None


def _if_range_holds(log: StoredLog) -> bool:
    condition = request.if_range
    if condition.etag is not None:
        return condition.etag == log.etag
    return condition.date is None or condition.date == _modified(log)


def _is_known(response: Response, body: _Body) -> bool:
    """Whether the client named the representation that it would get."""
    if request.method not in ("GET", "HEAD"):
        return False
    modified = response.last_modified
    return not is_resource_modified(request.environ, etag=body.etag, last_modified=modified)


def _modified(log: StoredLog) -> datetime:
    """When the file was changed, in the whole seconds of HTTP dates."""
    return datetime.fromtimestamp(int(log.modified), UTC)


def _content_type(name: str) -> str:
    """The type by the extension; of a compressed file it is that of the compression."""
    kind, encoding = mimetypes.guess_type(name)
    if encoding is not None:
        return "application/gzip" if encoding == "gzip" else "application/octet-stream"
    if kind is None:
        return "application/octet-stream"
    return f"{kind}; charset=utf-8" if kind.startswith("text/") else kind


def _attachment(name: str) -> str:
    """The header that makes browsers save a file under a name, whatever is in it (RFC 6266)."""
    plain = stored_files.shown_name(name)
    value = 'attachment; filename="{}"'.format(plain.replace('"', "'"))
    full = _UNSAFE_FOR_USERS.sub("_", name)[:_MOST_NAME_CHARS]
    if full.isascii():
        return value
    return f"{value}; filename*=UTF-8''{quote(full.encode('utf-8', 'replace'), safe='')}"
