"""A client that costs little of the machine that is being measured: one keep-alive socket."""

import json
import re
import socket
from types import TracebackType
from typing import Any, Self

_LENGTH = re.compile(rb"\r\ncontent-length: *(\d+)", re.IGNORECASE)
_TIMEOUT_SECONDS = 60.0
_RECEIVE_BYTES = 64 * 1024

Parameters = dict[str, Any]


class UnexpectedReplyError(Exception):
    """The server answered with something that the benchmark can't use."""


def head(
    path: str, key: str, *, method: str = "GET", length: int = 0, version: str = "1.1"
) -> bytes:
    """A request's bytes up to its body."""
    lines = [f"{method} {path} HTTP/{version}", "Host: localhost"]
    if key:
        lines.append(f"X-API-Key: {key}")
    if method == "POST":
        lines += ["Content-Type: application/json", f"Content-Length: {length}"]
    return ("\r\n".join(lines) + "\r\n\r\n").encode()


def body_bytes(reply: bytes, end: int) -> int:
    """How long the body of a reply is, by its head, which ends there; it must be a success."""
    status_line = reply[: reply.find(b"\r\n")]
    length = _LENGTH.search(reply, 0, end)
    if b" 200 " not in status_line or length is None:
        raise UnexpectedReplyError(reply.decode("utf-8", "replace"))
    return int(length[1])


class Connection:
    """A connection that asks, waits for the reply, and asks again."""

    def __init__(self, port: int, key: str = "") -> None:
        self.socket = socket.create_connection(("127.0.0.1", port), _TIMEOUT_SECONDS)
        self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self._key = key

    def get(self, path: str) -> bytes:
        """The body of the reply to a GET."""
        return self.exchange(head(path, self._key))

    def call(self, name: str, **parameters: Any) -> Parameters:
        """Call an endpoint of the API; raises `UnexpectedReplyError` unless it succeeds."""
        body = json.dumps(parameters).encode()
        path = f"/api/app/{name}"
        reply = self.exchange(head(path, self._key, method="POST", length=len(body)) + body)
        document: Parameters = json.loads(reply)
        if document["code"] != 0:
            raise UnexpectedReplyError(f"{name}: {document}")
        return document

    def exchange(self, request: bytes) -> bytes:
        """Send a whole request, and return the body of its reply, which must have a length."""
        self.socket.sendall(request)
        data = b""
        while (end := data.find(b"\r\n\r\n")) < 0:
            data += self.receive()
        parts, missing = [data[end + 4 :]], body_bytes(data, end) - len(data) + end + 4
        while missing > 0:
            parts.append(self.receive())
            missing -= len(parts[-1])
        return b"".join(parts)

    def receive(self) -> bytes:
        """The next bytes, whatever they are."""
        data = self.socket.recv(_RECEIVE_BYTES)
        if not data:
            raise UnexpectedReplyError("the server closed the connection")
        return data

    def close(self) -> None:
        """Close the connection."""
        self.socket.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        _type: type[BaseException] | None,
        _error: BaseException | None,
        _trace: TracebackType | None,
    ) -> None:
        self.close()
