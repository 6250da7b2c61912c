"""One connection to one origin: name lookup, TCP, TLS, each within the connect timeout."""

import queue
import re
import socket
import ssl
import threading
import time
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote, unquote, urlsplit

from http_settings import RequestError, Settings

#: Characters of a URL that are sent as they are; everything else is percent-encoded.
_URL_SAFE = "%/:=&?~#+!$,;'@()*[]"
_DEFAULT_PORTS = {"http": 80, "https": 443}


@dataclass(frozen=True)
class Target:
    """The parts of a URL that a request needs."""

    scheme: str
    host: str
    port: int
    path: str
    credentials: str

    @classmethod
    def parse(cls, url: str) -> "Target":
        """Split `url`; raises `RequestError` unless it is an http or https URL with a host."""
        malformed = RequestError(f"Malformed URL: {without_password(url)}")
        try:
            parts = urlsplit(url)
            host = (parts.hostname or "").encode("idna").decode("ascii")
            port = _DEFAULT_PORTS[parts.scheme] if parts.port is None else parts.port
        except (ValueError, KeyError):
            raise malformed from None
        if not re.fullmatch(r"[\w.:%~-]+", host):
            raise malformed
        path = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
        credentials = unquote(parts.netloc.rpartition("@")[0])
        encoded = quote(path, safe=_URL_SAFE, errors="replace")
        return cls(parts.scheme, host, port, encoded, credentials)

    @property
    def origin(self) -> tuple[str, str, int]:
        """What must be the same for credentials to be sent along."""
        return self.scheme, self.host, self.port

    @property
    def host_header(self) -> str:
        """The value of the Host header."""
        host = f"[{self.host}]" if ":" in self.host else self.host
        return host if self.port == _DEFAULT_PORTS[self.scheme] else f"{host}:{self.port}"


def without_password(url: str) -> str:
    """The URL for people to see, the password in its user part hidden."""
    return re.sub(r"^(\w+://[^/?#@:]*):[^/?#]*@", r"\1:****@", url)


class ConnectClock:
    """The time that is left for connecting."""

    def __init__(self, limit_seconds: float | None) -> None:
        self._limit_seconds = limit_seconds
        self._started = time.monotonic()

    def left(self) -> float | None:
        """Seconds left, None without a limit; raises `RequestError` when there are none."""
        if self._limit_seconds is None:
            return None
        left = self._started + self._limit_seconds - time.monotonic()
        if left <= 0:
            raise self.expired()
        return left

    def expired(self) -> RequestError:
        """The failure to raise when the time is over."""
        milliseconds = round((self._limit_seconds or 0) * 1000)
        return RequestError(f"Connect Timeout ({milliseconds} ms)")


def look_up(target: Target, clock: ConnectClock) -> list[Any]:
    """The addresses of the target's host, as `socket.getaddrinfo` gives them."""
    # In a thread of its own: the system's resolver can't be interrupted, not even by a signal.
    answers: queue.SimpleQueue[list[Any] | Exception] = queue.SimpleQueue()
    thread = threading.Thread(target=_resolve, args=(target, answers), daemon=True)
    thread.start()
    try:
        answer = answers.get(timeout=clock.left())
    except queue.Empty:
        raise clock.expired() from None
    if isinstance(answer, Exception):
        raise RequestError(f"DNS: Failed to lookup IP from hostname: {target.host}")
    return answer


def _resolve(target: Target, answers: "queue.SimpleQueue[list[Any] | Exception]") -> None:
    try:
        answers.put(socket.getaddrinfo(target.host, target.port, type=socket.SOCK_STREAM))
    except (OSError, UnicodeError) as error:
        answers.put(error)


def connect(
    target: Target, addresses: list[Any], settings: Settings, clock: ConnectClock
) -> socket.socket:
    """Connect to the first address that answers; the socket has the idle timeout set."""
    try:
        plain = _connect_to_any(addresses, clock)
        connection = _start_tls(plain, target, settings) if target.scheme == "https" else plain
    except TimeoutError:
        raise clock.expired() from None
    except ConnectionRefusedError:
        raise RequestError(
            f"Connection Refused: Failed to connect to host: {target.host}"
        ) from None
    connection.settimeout(settings.idle_timeout_seconds)
    return connection


def _connect_to_any(addresses: list[Any], clock: ConnectClock) -> socket.socket:
    failure: OSError | None = None
    for tried, (family, kind, protocol_number, _, address) in enumerate(addresses):
        connection = socket.socket(family, kind, protocol_number)
        left = clock.left()
        # Each address gets its share, so that a dead one leaves time for the others.
        connection.settimeout(None if left is None else left / (len(addresses) - tried))
        try:
            connection.connect(address)
        except OSError as error:
            connection.close()
            failure = failure or error
        else:
            connection.settimeout(clock.left())
            return connection
    raise failure or OSError("No address")


def _start_tls(plain: socket.socket, target: Target, settings: Settings) -> socket.socket:
    context = ssl.create_default_context()
    if not settings.verify_certificate:
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
    return context.wrap_socket(plain, server_hostname=target.host)
