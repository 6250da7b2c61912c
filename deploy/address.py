"""The address that the web server listens on: binding it, and asking whether someone answers."""

import contextlib
import socket

#: Connections that may wait while gunicorn starts or restarts.
BACKLOG = 2048
_CONNECT_SECONDS = 0.5
_REQUEST = b"GET /health HTTP/1.0\r\nHost: localhost\r\n\r\n"


def listen(bind: str) -> socket.socket:
    """Listen on `HOST:PORT`; raises OSError where that is impossible.

    The supervisor keeps this socket open while gunicorn restarts, so that clients wait a moment
    instead of being refused.
    """
    host, _, port = bind.rpartition(":")
    family, _, _, _, target = socket.getaddrinfo(
        host.strip("[]"), int(port), type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE
    )[0]
    listener = socket.socket(family, socket.SOCK_STREAM)
    try:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind(target)
        listener.listen(BACKLOG)
    except OSError:
        listener.close()
        raise
    return listener


class HealthProbe:
    """Asks `/health` without ever waiting: the request stays in line until a worker takes it."""

    def __init__(self, listener: socket.socket) -> None:
        self._listener = listener
        self._connection: socket.socket | None = None
        self._reply = b""

    def answers(self) -> bool:
        """Whether the reply has come and is a good one; call again until it is."""
        try:
            if self._connection is None:
                self._connection = self._ask()
            received = self._connection.recv(1024)
        except BlockingIOError:
            return False
        except OSError:
            received = b""
        self._reply += received
        if received and b"\n" not in self._reply:
            return False
        is_good = self._reply.split(b" ")[1:2] == [b"200"]
        self._forget()
        return is_good

    def _ask(self) -> socket.socket:
        connection = socket.socket(self._listener.family, socket.SOCK_STREAM)
        connection.settimeout(_CONNECT_SECONDS)
        try:
            connection.connect(self._listener.getsockname())
            connection.sendall(_REQUEST)
        except OSError:
            connection.close()
            raise
        connection.setblocking(False)
        return connection

    def _forget(self) -> None:
        if self._connection is not None:
            with contextlib.suppress(OSError):
                self._connection.close()
        self._connection, self._reply = None, b""
