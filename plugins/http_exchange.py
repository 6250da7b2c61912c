"""The exchange with the server: the request, its redirects, and the response as it streams in."""

import base64
import http.client
import re
import ssl
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from urllib.parse import urljoin

import protocol
from http_body import CHUNK_BYTES, Body, Decoder
from http_connection import ConnectClock, Target, connect, look_up
from http_download import Download
from http_settings import RequestError, Settings

MAX_REDIRECTS = 32
PROGRESS_INTERVAL_SECONDS = 0.1
REDIRECT_STATUSES = (301, 302, 303, 307, 308)
USER_AGENT = "Switchyard"

#: Headers that carry credentials: not shown to people, not sent to another origin.
SENSITIVE_HEADER = re.compile(
    r"auth(?!or\b)|cookie|api[-_]?key|token|secret|passw|signature|credential|session",
    re.IGNORECASE,
)


class Exchange:
    """One request and what has come back so far, also when it fails in the middle."""

    def __init__(self, settings: Settings) -> None:
        self.settings = settings
        self.url = settings.url
        self.method = settings.method
        self.body = settings.body
        self.headers = _with_defaults(settings)
        self.redirects = 0
        self.response: http.client.HTTPResponse | None = None
        self.response_body = Body()
        self.download: Download | None = None
        self.phases_seconds: dict[str, float] = {}

    def run(self) -> http.client.HTTPResponse:
        """Send the request, follow redirects, read the response; raises `RequestError`."""
        while True:
            target = Target.parse(self.url)
            try:
                response = self._send(target)
                if not self._redirect(response, target):
                    self.response = response
                    self._receive(response)
                    return response
            except (OSError, http.client.HTTPException) as error:
                raise self._failure(error, target) from None

    def _send(self, target: Target) -> http.client.HTTPResponse:
        clock = ConnectClock(self.settings.connect_timeout_seconds)
        with self._phase("dns"):
            addresses = look_up(target, clock)
        connection = http.client.HTTPConnection(target.host, target.port)
        with self._phase("connect"):
            connection.sock = connect(target, addresses, self.settings, clock)
        with self._phase("send"):
            self._write_request(connection, target)
        with self._phase("wait"):
            return connection.getresponse()

    def _write_request(self, connection: http.client.HTTPConnection, target: Target) -> None:
        connection.putrequest(self.method, target.path, skip_host=True, skip_accept_encoding=True)
        names = {name.lower() for name, _ in self.headers}
        own = [("Connection", "close")]
        if "host" not in names:
            own.append(("Host", target.host_header))
        if target.credentials and "authorization" not in names:
            encoded = base64.b64encode(target.credentials.encode("utf-8", "replace")).decode()
            own.append(("Authorization", f"Basic {encoded}"))
        if self.body or self.method in ("POST", "PUT"):
            own.append(("Content-Length", str(len(self.body))))
        for name, value in [*own, *self.headers]:
            connection.putheader(name, value.encode("utf-8", "replace"))
        try:
            connection.endheaders(self.body or None)
        except BrokenPipeError:
            # A server that refuses a large body answers and closes before it has read it all.
            return

    def _redirect(self, response: http.client.HTTPResponse, target: Target) -> bool:
        """Turn to the place the response points to; False if it is the final one."""
        location = response.headers.get("Location")
        if not self.settings.follow or response.status not in REDIRECT_STATUSES or not location:
            return False
        response.close()
        if self.redirects == MAX_REDIRECTS:
            raise RequestError(f"Too many redirects ({MAX_REDIRECTS})")
        self.redirects += 1
        self.url = urljoin(self.url, location.encode("latin-1").decode("utf-8", "replace"))
        if Target.parse(self.url).origin != target.origin:
            self._drop_headers(lambda name: name == "host" or bool(SENSITIVE_HEADER.search(name)))
        if _becomes_get(response.status, self.method):
            self.method, self.body = "GET", b""
            self._drop_headers(lambda name: name.startswith("content-"))
        return True

    def _drop_headers(self, unwanted: Callable[[str], bool]) -> None:
        self.headers = [header for header in self.headers if not unwanted(header[0].lower())]

    def _receive(self, response: http.client.HTTPResponse) -> None:
        if self.settings.download and _has_file(response, self.method):
            self.download = Download(response.headers, self.url, self.settings.filename)
            self.response_body = Body(self.download.file)
        decoder = Decoder(response.headers.get("Content-Encoding", ""))
        received = False
        with self._phase("receive"):
            for chunk in _chunks(response):
                received = True
                for piece in decoder.decode(chunk):
                    self.response_body.add(piece)
        if received:
            self.response_body.add(decoder.finish())
        if self.download:
            self.download.close()

    def _failure(self, error: Exception, target: Target) -> RequestError:
        if isinstance(error, TimeoutError):
            milliseconds = round((self.settings.idle_timeout_seconds or 0) * 1000)
            return RequestError(f"Idle Timeout ({milliseconds} ms)")
        if isinstance(error, ConnectionError):
            return RequestError(f"Connection Reset: Lost connection to host: {target.host}")
        if isinstance(error, ssl.SSLError):
            reason = getattr(error, "verify_message", None) or error.reason or error.strerror
            return RequestError(f"TLS Error: {reason}: {target.host}")
        if isinstance(error, http.client.IncompleteRead):
            return RequestError("Incomplete response: The chunked body ends early")
        if isinstance(error, http.client.HTTPException):
            return RequestError(f"Invalid HTTP response: {error!r:.200}")
        reason = getattr(error, "strerror", None) or error
        return RequestError(f"Connection Failed: {reason}: {target.host}")

    @contextmanager
    def _phase(self, name: str) -> Iterator[None]:
        started = time.monotonic()
        try:
            yield
        finally:
            spent = time.monotonic() - started
            self.phases_seconds[name] = self.phases_seconds.get(name, 0.0) + spent


def _with_defaults(settings: Settings) -> list[tuple[str, str]]:
    names = {name.lower() for name, _ in settings.headers}
    defaults = [("User-Agent", USER_AGENT), ("Accept", "*/*"), ("Accept-Encoding", "identity")]
    if settings.body:
        kind = "json" if settings.body.lstrip()[:1] in (b"{", b"[") else "x-www-form-urlencoded"
        defaults.append(("Content-Type", f"application/{kind}"))
    return [header for header in defaults if header[0].lower() not in names] + [*settings.headers]


def _becomes_get(status: int, method: str) -> bool:
    """Whether a redirect of this status is followed with a GET, as browsers do it."""
    return (status in (301, 302) and method == "POST") or (status == 303 and method != "HEAD")


def _has_file(response: http.client.HTTPResponse, method: str) -> bool:
    return method != "HEAD" and 200 <= response.status <= 299 and response.status != 204


def _chunks(response: http.client.HTTPResponse) -> Iterator[bytes]:
    """The raw body as it arrives; reports progress when the length is known."""
    expected_bytes = response.length
    received_bytes = 0
    reported = time.monotonic()
    while chunk := response.read1(CHUNK_BYTES):
        received_bytes += len(chunk)
        yield chunk
        if expected_bytes and time.monotonic() - reported >= PROGRESS_INTERVAL_SECONDS:
            protocol.send(progress=round(received_bytes / expected_bytes, 4))
            reported = time.monotonic()
    if expected_bytes and received_bytes < expected_bytes:
        raise RequestError(f"Incomplete response: {received_bytes} of {expected_bytes} bytes")
