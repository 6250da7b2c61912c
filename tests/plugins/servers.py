"""A real HTTP server that behaves well or badly, as the path of the request asks for."""

import contextlib
import gzip
import json
import re
import socket
import ssl
import struct
import threading
import zlib
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any, Self
from urllib.parse import parse_qs, urlsplit

import trustme

MIB = 1024 * 1024


class Handler(BaseHTTPRequestHandler):
    """Answers `/echo`, `/slow`, `/reset` … each in its own way."""

    protocol_version = "HTTP/1.1"
    server: "Server"

    def do_GET(self) -> None:
        with contextlib.suppress(ConnectionError):
            self._dispatch()

    do_POST = do_PUT = do_DELETE = do_HEAD = do_GET  # noqa: N815 - the library calls these names

    def _dispatch(self) -> None:
        parts = urlsplit(self.path)
        body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
        self.query = {key: values[0] for key, values in parse_qs(parts.query).items()}
        headers = {name.lower(): value for name, value in self.headers.items()}
        self.server.requests.append((self.command, self.path, headers, body))
        answer = getattr(self, "answer_" + re.split(r"[/.]", parts.path)[1], self.answer_missing)
        answer()

    def reply(self, body: bytes, status: int = 200, **headers: str) -> None:
        self.send_response(status)
        for name, value in {"Content-Length": str(len(body)), **headers}.items():
            self.send_header(name.replace("_", "-"), value)
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(body)

    def answer_echo(self) -> None:
        command, path, headers, body = self.server.requests[-1]
        echo = {"method": command, "path": path, "headers": headers, "body": body.decode()}
        self.reply(json.dumps(echo).encode(), Content_Type="application/json")

    def answer_text(self) -> None:
        self.reply(b"all is well", Content_Type="text/plain")

    def answer_body(self) -> None:
        self.reply(self.server.body, **self.server.headers)

    def answer_missing(self) -> None:
        self.reply(b"no such thing", 404)

    def answer_status(self) -> None:
        self.reply(b"", int(self.query["status"]))

    def answer_redirect(self) -> None:
        status = int(self.query.get("status", 302))
        self.reply(b"elsewhere", status, Location=self.query["to"])

    def answer_loop(self) -> None:
        self.reply(b"", 302, Location="/loop")

    def answer_gzip(self) -> None:
        self.reply(gzip.compress(b"plain " * 50_000), Content_Encoding="gzip")

    def answer_gzip_members(self) -> None:
        padded = gzip.compress(b"one ") + gzip.compress(b"two") + bytes(100)
        self.reply(padded, Content_Encoding="gzip")

    def answer_gzip_bomb(self) -> None:
        squeezer = zlib.compressobj(9)
        packed = b"".join(squeezer.compress(bytes(MIB)) for _ in range(300)) + squeezer.flush()
        self.reply(packed, Content_Encoding="deflate")

    def answer_truncated_gzip(self) -> None:
        self.reply(gzip.compress(b"plain " * 50_000)[:-20], Content_Encoding="gzip")

    def answer_chunked(self) -> None:
        self.send_response(200)
        self.send_header("Transfer-Encoding", "chunked")
        self.end_headers()
        for piece in (b"first ", b"second ", b"third"):
            self.wfile.write(b"%x\r\n%s\r\n" % (len(piece), piece))
            self.wfile.flush()
        self.wfile.write(b"0\r\n\r\n")

    def answer_huge(self) -> None:
        """As many MiB as asked for, chunk after chunk, never in memory as a whole."""
        size_mib = int(self.query["mib"])
        self.send_response(200)
        self.send_header("Content-Length", str(size_mib * MIB))
        self.end_headers()
        for _ in range(size_mib):
            self.wfile.write(b"x" * MIB)

    def answer_cut(self) -> None:
        self.send_response(200)
        self.send_header("Content-Length", "1000")
        self.end_headers()
        self.wfile.write(b"only this")
        self.close_connection = True

    def answer_reset(self) -> None:
        linger = struct.pack("ii", 1, 0)
        self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, linger)
        self.connection.close()
        self.close_connection = True

    def answer_garbage(self) -> None:
        self.wfile.write(b"SSH-2.0-OpenSSH\r\n\r\n")
        self.close_connection = True

    def answer_silent(self) -> None:
        self.server.stopping.wait(20)

    def answer_drip(self) -> None:
        """Never idle for long, never done."""
        self.send_response(200)
        self.end_headers()
        while not self.server.stopping.wait(0.1):
            self.wfile.write(b".")

    def answer_progress(self) -> None:
        self.send_response(200)
        self.send_header("Content-Length", "10")
        self.end_headers()
        for _ in range(10):
            self.wfile.write(b"x")
            self.server.stopping.wait(0.06)

    def log_message(self, *_: Any) -> None:
        pass


class Server(ThreadingHTTPServer):
    """The server on a free port, and what it has been asked for."""

    daemon_threads = True
    block_on_close = False

    def __init__(self, certificate: Path | None = None) -> None:
        super().__init__(("127.0.0.1", 0), Handler)
        self.requests: list[tuple[str, str, dict[str, str], bytes]] = []
        self.body = b""
        self.headers: dict[str, str] = {}
        self.stopping = threading.Event()
        self.url = f"http://127.0.0.1:{self.server_port}"
        if certificate:
            context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
            context.load_cert_chain(certificate)
            self.socket = context.wrap_socket(self.socket, server_side=True)
            self.url = f"https://localhost:{self.server_port}"

    def __enter__(self) -> Self:
        threading.Thread(target=self.serve_forever, args=(0.05,), daemon=True).start()
        return self

    def __exit__(self, *_: object) -> None:
        self.stopping.set()
        self.shutdown()
        self.server_close()

    def handle_error(self, *_: Any) -> None:
        """A client that goes away in the middle is what some tests are about."""


@contextlib.contextmanager
def port_that_never_accepts() -> Iterator[int]:
    """A port whose queue of connections is full: connecting to it takes for ever."""
    with contextlib.ExitStack() as stack:
        listener = stack.enter_context(socket.socket())
        listener.bind(("127.0.0.1", 0))
        listener.listen(0)
        for _ in range(4):
            client = stack.enter_context(socket.socket())
            client.setblocking(False)
            client.connect_ex(listener.getsockname())
        yield listener.getsockname()[1]


def free_port() -> int:
    """A port that nothing listens on."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def make_certificate(directory: Path) -> Path:
    """A certificate for localhost of an authority that nobody knows, with its key in one file."""
    path = directory / "localhost.pem"
    certificate = trustme.CA().issue_cert("localhost")
    certificate.private_key_and_cert_chain_pem.write_to_path(str(path))
    return path
