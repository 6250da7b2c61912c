"""Load for a server: as many requests of one kind as it answers, by `wrk` or by our own client."""

import multiprocessing
import re
import selectors
import shutil
import socket
import subprocess
import time

from bench.client import Connection, UnexpectedReplyError, body_bytes, head

CONNECTIONS = 64
_PROCESSES = 2
_RECEIVE_BYTES = 256 * 1024
_RATE = re.compile(r"Requests/sec:\s+([\d.]+)")


def generator() -> str:
    """What makes the load on this machine."""
    return "wrk" if shutil.which("wrk") else "bench's own client"


def requests_per_second(port: int, path: str, key: str, seconds: int) -> float:
    """How many GET requests a second the server answers to many keep-alive connections."""
    if generator() == "wrk":
        return _by_wrk(port, path, key, seconds)
    with multiprocessing.Pool(_PROCESSES) as pool:
        tasks = [(port, path, key, seconds)] * _PROCESSES
        return sum(pool.starmap(_by_sockets, tasks))


def _by_wrk(port: int, path: str, key: str, seconds: int) -> float:
    command = ["wrk", "-t1", f"-c{CONNECTIONS}", f"-d{seconds}s", "-H", f"X-API-Key: {key}"]
    url = f"http://127.0.0.1:{port}{path}"
    result = subprocess.run([*command, url], capture_output=True, text=True, check=True)
    rate = _RATE.search(result.stdout)
    if rate is None or "Non-2xx" in result.stdout:
        raise UnexpectedReplyError(f"wrk: {result.stdout} {result.stderr}")
    return float(rate[1])


def _by_sockets(port: int, path: str, key: str, seconds: int) -> float:
    """Keep every connection busy with one request at a time."""
    with Connection(port, key) as connection:
        connection.get(path)
    request = head(path, key)
    with selectors.DefaultSelector() as selector:
        for _ in range(CONNECTIONS // _PROCESSES):
            opened = socket.create_connection(("127.0.0.1", port))
            selector.register(opened, selectors.EVENT_READ, _Reply())
            opened.sendall(request)
        rate = _pump(selector, request, seconds)
        for registered in list(selector.get_map().values()):
            if isinstance(registered.fileobj, socket.socket):
                registered.fileobj.close()
    return rate


class _Reply:
    """How much of a reply is still to come."""

    def __init__(self) -> None:
        self._head = b""
        self._missing = 0

    def takes(self, data: bytes) -> bool:
        """Take the next bytes; true when they end the reply."""
        if self._missing == 0:
            self._head += data
            end = self._head.find(b"\r\n\r\n")
            if end < 0:
                return False
            self._missing = body_bytes(self._head, end) + end + 4 - len(self._head)
            self._head = b""
        else:
            self._missing -= len(data)
        if self._missing < 0:
            raise UnexpectedReplyError("more than one reply came")
        return self._missing == 0


def _pump(selector: selectors.BaseSelector, request: bytes, seconds: int) -> float:
    """Answer every whole reply with the next request; returns replies a second."""
    replies, started = 0, time.monotonic()
    while (elapsed := time.monotonic() - started) < seconds:
        for ready, _ in selector.select(1):
            opened, reply = ready.fileobj, ready.data
            if not isinstance(opened, socket.socket):
                continue
            data = opened.recv(_RECEIVE_BYTES)
            if not data:
                raise UnexpectedReplyError("the server closed the connection")
            if reply.takes(data):
                replies += 1
                opened.sendall(request)
    return replies / elapsed
