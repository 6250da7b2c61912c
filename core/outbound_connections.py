"""Connections to other services: kept open, ended in time, and never to forbidden addresses."""

import socket
import ssl
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
from typing import Any, ClassVar

import urllib3
from urllib3.connection import HTTPConnection, HTTPSConnection
from urllib3.connectionpool import HTTPConnectionPool, HTTPSConnectionPool
from urllib3.exceptions import NameResolutionError, NewConnectionError
from urllib3.util.connection import create_connection

from core.addresses import is_metadata

_CONNECT_SECONDS = 10.0
#: A lookup can't be ended. Those that hang are left to themselves; there are never more of them.
_MOST_LOOKUPS = 16


class Deadline:
    """When the calling thread's request must have ended: its connection is closed then.

    A timeout of each read alone would let a byte now and then prolong it.
    """

    def __init__(self, seconds: float) -> None:
        self._ends = time.monotonic() + seconds
        self._sockets: list[socket.socket] = []
        self.is_over = threading.Event()

    def left(self) -> float:
        """Seconds that are left; raises `TimeoutError` when there are none."""
        seconds = self._ends - time.monotonic()
        if seconds <= 0:
            raise TimeoutError
        return seconds

    def watch(self, sock: socket.socket) -> None:
        """End this connection when time is over, or at once if it is already."""
        self._sockets.append(sock)
        if self.is_over.is_set():
            _end(sock)

    def end(self) -> None:
        """Time is over."""
        self.is_over.set()
        for sock in self._sockets:
            _end(sock)


def _end(sock: socket.socket) -> None:
    # It may have ended at this very moment.
    with suppress(OSError):
        sock.shutdown(socket.SHUT_RDWR)


_current = threading.local()


@contextmanager
def deadline(seconds: float) -> Iterator[Deadline]:
    """Requests of this thread end within so many seconds."""
    _current.deadline = made = Deadline(seconds)
    timer = threading.Timer(seconds, made.end)
    timer.daemon = True
    timer.start()
    try:
        yield made
    finally:
        timer.cancel()
        _current.deadline = None


class _Bounded:
    """A connection that keeps to its thread's deadline, and may be kept from some addresses."""

    is_guarded: ClassVar = False
    _early: socket.socket | None = None

    def _new_conn(self) -> socket.socket:
        """Connect; what is allowed is decided by the very address that is connected to."""
        try:
            sock = self._connect_to_one(_look_up(self._dns_host, self.port))  # type: ignore[attr-defined]
        except socket.gaierror as error:
            raise NameResolutionError(self.host, self, error) from error  # type: ignore[attr-defined,arg-type]
        # TLS takes the socket over; this one still reaches its connection.
        self._early = sock.dup()
        _current.deadline.watch(self._early)
        return sock

    def _connect_to_one(self, addresses: list[str]) -> socket.socket:
        """A connection to the first address that answers."""
        failure: OSError | None = None
        for address in addresses:
            if self.is_guarded and is_metadata(address):
                raise OSError("Address is not allowed (link-local or metadata)")
            seconds = min(_current.deadline.left(), _CONNECT_SECONDS)
            try:
                return create_connection(
                    (address, self.port),  # type: ignore[attr-defined]
                    seconds,
                    socket_options=self.socket_options,  # type: ignore[attr-defined]
                )
            except OSError as error:
                failure = error
        if isinstance(failure, TimeoutError):
            raise failure
        raise NewConnectionError(self, f"No connection: {failure}") from failure  # type: ignore[arg-type]

    def connect(self) -> None:
        try:
            super().connect()  # type: ignore[misc]
            _current.deadline.watch(self.sock)  # type: ignore[attr-defined]
        finally:
            if self._early is not None:
                self._early.close()

    def request(self, *args: Any, **options: Any) -> None:
        sock = self.sock  # type: ignore[attr-defined]
        if sock is not None:
            # Kept from an earlier request.
            _current.deadline.watch(sock)
        super().request(*args, **options)  # type: ignore[misc]


def _look_up(host: str, port: int) -> list[str]:
    """A host's addresses, in the order in which they should be tried."""
    pending = _lookups.submit(socket.getaddrinfo, host.strip("[]"), port, type=socket.SOCK_STREAM)
    try:
        found = pending.result(timeout=_current.deadline.left())
    finally:
        pending.cancel()
    return list(dict.fromkeys(str(address[0]) for *_, address in found))


_lookups = ThreadPoolExecutor(_MOST_LOOKUPS, thread_name_prefix="lookup")


class _Connection(_Bounded, HTTPConnection):
    """Without TLS, to anywhere."""


class _TLSConnection(_Bounded, HTTPSConnection):
    """With TLS, to anywhere."""


class _GuardedConnection(_Connection):
    """Without TLS, to where it is allowed."""

    is_guarded = True


class _GuardedTLSConnection(_TLSConnection):
    """With TLS, to where it is allowed."""

    is_guarded = True


class _Pool(HTTPConnectionPool):
    """Connections to one host, wherever that is."""

    ConnectionCls = _Connection


class _TLSPool(HTTPSConnectionPool):
    """Connections to one host by TLS, wherever that is."""

    ConnectionCls = _TLSConnection

    def _validate_conn(self, conn: Any) -> None:
        """Connect; whoever lets any certificate do need not be warned with each request."""
        if conn.is_closed:
            conn.connect()


class _GuardedPool(_Pool):
    """Connections to one host, if that is allowed."""

    ConnectionCls = _GuardedConnection


class _GuardedTLSPool(_TLSPool):
    """Connections to one host by TLS, if that is allowed."""

    ConnectionCls = _GuardedTLSConnection


_managers: dict[tuple[bool, bool], urllib3.PoolManager] = {}


def pools(*, checks_certificate: bool, may_reach_metadata: bool) -> urllib3.PoolManager:
    """Connections that are kept open, by what they may do; made at first use."""
    kind = (checks_certificate, may_reach_metadata)
    if kind not in _managers:
        _managers[kind] = _manager(*kind)
    return _managers[kind]


def _manager(checks_certificate: bool, may_reach_metadata: bool) -> urllib3.PoolManager:
    options: dict[str, Any] = {}
    if not checks_certificate:
        context = ssl.create_default_context()
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
        options = {"ssl_context": context, "assert_hostname": False}
    manager = urllib3.PoolManager(num_pools=50, maxsize=16, **options)
    manager.pool_classes_by_scheme = {
        "http": _Pool if may_reach_metadata else _GuardedPool,
        "https": _TLSPool if may_reach_metadata else _GuardedTLSPool,
    }
    return manager
