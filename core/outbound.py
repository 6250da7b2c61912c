"""Requests to other services: bounded in time and size."""

import re
from collections.abc import Mapping
from dataclasses import dataclass, replace
from urllib.parse import urljoin, urlsplit

import urllib3

from core.outbound_connections import Deadline, deadline, pools

_URL = re.compile(r"https?://[^\s/?#]\S*", re.IGNORECASE)
_MOST_REDIRECTS = 10
#: How much of an answer is read, bytes; the rest is not of interest.
_MOST_BYTES = 64 * 1024
#: Where a redirect turns the request into a GET.
_BECOMES_GET = (301, 302, 303)
_REDIRECTS = (*_BECOMES_GET, 307, 308)
#: Headers that are for the first receiver only.
_PRIVATE_HEADERS = frozenset({"authorization", "cookie", "proxy-authorization"})


class OutboundError(Exception):
    """A request got no answer; the message says why, for people."""


@dataclass(frozen=True)
class Call:
    """A request that is to be sent."""

    method: str
    url: str
    headers: Mapping[str, str]
    body: bytes | None = None
    #: For the whole of it, answer and redirects included.
    timeout_seconds: float = 30.0
    follows_redirects: bool = True
    checks_certificate: bool = True
    #: Whether link-local addresses and clouds' metadata may be asked.
    may_reach_metadata: bool = False


@dataclass(frozen=True)
class Answer:
    """What came back; of the body its beginning."""

    status: int
    reason: str
    headers: Mapping[str, str]
    body: bytes


def send(call: Call) -> Answer:
    """Send a request and read the answer; raises `OutboundError` when there is none."""
    with deadline(call.timeout_seconds) as ends:
        try:
            answer = _follow(call, ends)
            # What has been read when time is over may be half of it.
            ends.left()
        except TimeoutError:
            late = f"Request Timeout ({call.timeout_seconds * 1000:.0f} ms)"
            raise OutboundError(late) from None
    return answer


def _follow(call: Call, ends: Deadline) -> Answer:
    """The answer at the end of all redirects."""
    for _ in range(_MOST_REDIRECTS + 1):
        answer = _send_once(call, ends)
        location = answer.headers.get("Location")
        if answer.status not in _REDIRECTS or not location or not call.follows_redirects:
            return answer
        call = _redirected(call, answer.status, location)
    raise OutboundError(f"Too many redirects (more than {_MOST_REDIRECTS})")


def _redirected(call: Call, status: int, location: str) -> Call:
    """The request that follows a redirect; what is private stays with its origin."""
    try:
        url = urljoin(call.url, location)
        is_elsewhere = urlsplit(url)[:2] != urlsplit(call.url)[:2]
    except ValueError:
        raise _malformed(location) from None
    headers = dict(call.headers)
    if is_elsewhere:
        headers = {k: v for k, v in headers.items() if k.lower() not in _PRIVATE_HEADERS}
    if status in _BECOMES_GET and call.method not in ("GET", "HEAD"):
        headers = {k: v for k, v in headers.items() if not k.lower().startswith("content-")}
        call = replace(call, method="GET", body=None)
    return replace(call, url=url, headers=headers)


def _malformed(url: str) -> OutboundError:
    return OutboundError(f"Malformed URL: {url[:200]}")


def _send_once(call: Call, ends: Deadline) -> Answer:
    if not _URL.fullmatch(call.url):
        raise _malformed(call.url)
    try:
        return _exchange(call, ends.left())
    except urllib3.exceptions.LocationParseError:
        raise _malformed(call.url) from None
    except (urllib3.exceptions.HTTPError, OSError, ValueError) as error:
        cause = _cause(error)
        if ends.is_over.is_set() or _is_timeout(cause):
            raise TimeoutError from None
        raise OutboundError(_reason(cause)) from None


def _cause(error: BaseException) -> BaseException:
    """What went wrong below."""
    while isinstance(error, urllib3.exceptions.ProtocolError) and len(error.args) > 1:
        error = error.args[1]
    return error


def _is_timeout(error: BaseException) -> bool:
    """Whether time was over; the library counts refused connections among these."""
    if isinstance(error, urllib3.exceptions.NewConnectionError):
        return False
    return isinstance(error, (TimeoutError, urllib3.exceptions.TimeoutError))


def _exchange(call: Call, seconds: float) -> Answer:
    found = pools(
        checks_certificate=call.checks_certificate, may_reach_metadata=call.may_reach_metadata
    )
    response = found.request(
        call.method,
        call.url,
        body=call.body,
        headers=dict(call.headers),
        timeout=seconds,
        retries=False,
        redirect=False,
        preload_content=False,
        # A few bytes may stand for gigabytes.
        decode_content=False,
    )
    body = _beginning(response)
    response.release_conn()
    return Answer(response.status, response.reason or "", response.headers, body)


def _beginning(response: urllib3.BaseHTTPResponse) -> bytes:
    """As much of the body as is of interest."""
    body = b""
    while len(body) < _MOST_BYTES and (piece := response.read(_MOST_BYTES - len(body))):
        body += piece
    if len(body) == _MOST_BYTES:
        # There may be more, and such a connection can't be used again.
        response.close()
    return body


def _reason(error: BaseException) -> str:
    """What went wrong, in few words and without our own objects' names."""
    if isinstance(error, urllib3.exceptions.NewConnectionError):
        return f"Failed to connect to host: {error.conn.host}"
    if isinstance(error, urllib3.exceptions.SSLError):
        return f"TLS: {error.args[0]}"
    if isinstance(error, OSError) and error.strerror:
        return error.strerror
    return str(error) or type(error).__name__
