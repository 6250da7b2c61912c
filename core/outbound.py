"""Requests to other services: bounded in time and size, and never to link-local addresses."""

import ipaddress
import re
import socket
import ssl
import threading
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass, replace
from typing import Any
from urllib.parse import urljoin, urlsplit

import urllib3
from urllib3.connection import HTTPConnection, HTTPSConnection
from urllib3.connectionpool import HTTPConnectionPool, HTTPSConnectionPool

#: Where clouds keep what machines may know of themselves, beside the link-local addresses.
_METADATA = ipaddress.ip_address("fd00:ec2::254")
#: IPv6 addresses whose last four bytes are an IPv4 address.
_TRANSLATED = ipaddress.ip_network("64:ff9b::/96")
_CONNECT_SECONDS = 10.0
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
    #: Whether link-local and metadata addresses may be asked.
    may_reach_link_local: bool = False


@dataclass(frozen=True)
class Answer:
    """What came back; of the body its beginning."""

    status: int
    reason: str
    headers: Mapping[str, str]
    body: bytes


#: Which sockets a thread uses at the moment, so that they can be closed when time is over.
_used = threading.local()


def send(call: Call) -> Answer:
    """Send a request and read the answer; raises `OutboundError` when there is none."""
    ends = time.monotonic() + call.timeout_seconds
    for _ in range(_MOST_REDIRECTS + 1):
        answer = _send_once(call, ends)
        location = answer.headers.get("Location")
        if answer.status not in _REDIRECTS or not location or not call.follows_redirects:
            return answer
        call = _redirected(call, answer.status, location)
    raise OutboundError(f"Too many redirects (more than {_MOST_REDIRECTS})")


def _redirected(call: Call, status: int, location: str) -> Call:
    """The request that follows a redirect; what is private stays with its origin."""
    url = urljoin(call.url, location)
    if urlsplit(url)[:2] != urlsplit(call.url)[:2]:
        kept = {k: v for k, v in call.headers.items() if k.lower() not in _PRIVATE_HEADERS}
        call = replace(call, headers=kept)
    if status in _BECOMES_GET and call.method not in ("GET", "HEAD"):
        kept = {k: v for k, v in call.headers.items() if not k.lower().startswith("content-")}
        call = replace(call, method="GET", body=None, headers=kept)
    return replace(call, url=url)


def _send_once(call: Call, ends: float) -> Answer:
    if not _URL.fullmatch(call.url):
        raise OutboundError(f"Malformed URL: {call.url[:200]}")
    seconds = ends - time.monotonic()
    if seconds <= 0:
        raise OutboundError(_too_late(call))
    try:
        with _deadline(seconds) as is_over:
            answer = _exchange(call, seconds)
    except urllib3.exceptions.LocationParseError:
        raise OutboundError(f"Malformed URL: {call.url[:200]}") from None
    except (urllib3.exceptions.HTTPError, OSError, ValueError) as error:
        late = is_over.is_set() or _is_timeout(error)
        raise OutboundError(_too_late(call) if late else _reason(error)) from None
    if is_over.is_set():
        # What has been read may be half of it.
        raise OutboundError(_too_late(call))
    return answer


def _too_late(call: Call) -> str:
    return f"Request Timeout ({call.timeout_seconds * 1000:.0f} ms)"


def _is_timeout(error: Exception) -> bool:
    """Whether time was over; the library counts refused connections among these."""
    is_refused = isinstance(error, urllib3.exceptions.NewConnectionError)
    return isinstance(error, urllib3.exceptions.TimeoutError) and not is_refused


def _exchange(call: Call, seconds: float) -> Answer:
    timeout = urllib3.Timeout(connect=min(seconds, _CONNECT_SECONDS), read=seconds)
    response = _pools(call).request(
        call.method,
        call.url,
        body=call.body,
        headers=dict(call.headers),
        timeout=timeout,
        retries=False,
        redirect=False,
        preload_content=False,
        # A few bytes may stand for gigabytes.
        decode_content=False,
    )
    body = b""
    while len(body) < _MOST_BYTES and (piece := response.read(_MOST_BYTES - len(body))):
        body += piece
    if len(body) == _MOST_BYTES:
        # There may be more, and such a connection can't be used again.
        response.close()
    response.release_conn()
    return Answer(response.status, response.reason or "", response.headers, body)


@contextmanager
def _deadline(seconds: float) -> Iterator[threading.Event]:
    """Close this thread's connection when time is over: a byte now and then must not prolong it."""
    is_over = threading.Event()
    sockets: list[socket.socket] = []
    _used.sockets = sockets

    def close() -> None:
        is_over.set()
        for sock in sockets:
            # It may have ended at this very moment.
            with suppress(OSError):
                sock.shutdown(socket.SHUT_RDWR)

    timer = threading.Timer(seconds, close)
    timer.daemon = True
    timer.start()
    try:
        yield is_over
    finally:
        timer.cancel()
        _used.sockets = []


def _pools(call: Call) -> urllib3.PoolManager:
    """Connections that are kept open, by what they may do; made at first use."""
    kind = (call.checks_certificate, call.may_reach_link_local)
    if kind not in _managers:
        _managers[kind] = _manager(*kind)
    return _managers[kind]


_managers: dict[tuple[bool, bool], urllib3.PoolManager] = {}


def _manager(checks_certificate: bool, may_reach_link_local: bool) -> urllib3.PoolManager:
    options: dict[str, Any] = {}
    if not checks_certificate:
        context = ssl.create_default_context()
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
        options = {"ssl_context": context, "assert_hostname": False}
    manager = urllib3.PoolManager(num_pools=50, maxsize=16, **options)
    guarded = not may_reach_link_local
    manager.pool_classes_by_scheme = {
        "http": _Pool if guarded else _FreePool,
        "https": _TLSPool if guarded else _FreeTLSPool,
    }
    return manager


class _NotedSocket:
    """A connection that notes its socket for its caller, who may run out of time."""

    def connect(self) -> None:
        super().connect()  # type: ignore[misc]
        _used.sockets.append(self.sock)  # type: ignore[attr-defined]

    def request(self, *args: Any, **options: Any) -> None:
        sock = self.sock  # type: ignore[attr-defined]
        if sock is not None:
            # Kept from an earlier request.
            _used.sockets.append(sock)
        super().request(*args, **options)  # type: ignore[misc]


class _Guarded:
    """A connection that says nothing to an address that nobody outside this host may ask."""

    def _new_conn(self) -> socket.socket:
        sock: socket.socket = super()._new_conn()  # type: ignore[misc]
        if is_link_local(sock.getpeername()[0]):
            sock.close()
            raise OSError("Address is not allowed (link-local)")
        return sock


class _FreeConnection(_NotedSocket, HTTPConnection):
    """Without TLS, to anywhere."""


class _FreeTLSConnection(_NotedSocket, HTTPSConnection):
    """With TLS, to anywhere."""


class _Connection(_Guarded, _FreeConnection):
    """Without TLS, to where it is allowed."""


class _TLSConnection(_Guarded, _FreeTLSConnection):
    """With TLS, to where it is allowed."""


class _FreePool(HTTPConnectionPool):
    """Connections to one host, wherever that is."""

    ConnectionCls = _FreeConnection


class _FreeTLSPool(HTTPSConnectionPool):
    """Connections to one host by TLS, wherever that is."""

    ConnectionCls = _FreeTLSConnection

    def _validate_conn(self, conn: Any) -> None:
        """Connect; whoever lets any certificate do need not be warned with each request."""
        if conn.is_closed:
            conn.connect()


class _Pool(_FreePool):
    """Connections to one host that is not link-local."""

    ConnectionCls = _Connection


class _TLSPool(_FreeTLSPool):
    """Connections to one host by TLS that is not link-local."""

    ConnectionCls = _TLSConnection


def is_link_local(address: str) -> bool:
    """Whether an IP address is link-local, or one of a cloud's metadata, in whatever form."""
    ip: Any = ipaddress.ip_address(address.partition("%")[0])
    if ip.version == 6:
        translated = ipaddress.ip_address(ip.packed[-4:]) if ip in _TRANSLATED else None
        ip = ip.ipv4_mapped or ip.sixtofour or translated or ip
    return bool(ip.is_link_local or ip == _METADATA)


def _reason(error: BaseException) -> str:
    """What went wrong, in few words and without our own objects' names."""
    while isinstance(error, urllib3.exceptions.ProtocolError) and len(error.args) > 1:
        error = error.args[1]
    if isinstance(error, urllib3.exceptions.NewConnectionError):
        return f"Failed to connect to host: {error.conn.host}"
    if isinstance(error, urllib3.exceptions.SSLError):
        return f"TLS: {error.args[0]}"
    if isinstance(error, OSError) and error.strerror:
        return error.strerror
    return str(error) or type(error).__name__
