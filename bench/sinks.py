"""Receivers of web hooks and of mail that cost little and only count what comes."""

import socketserver
import threading
from typing import ClassVar, Self

_ANSWER = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nOK"
#: What a mail server says to a command by its first word; to all others `250 ok`.
_REPLIES = {b"DATA": b"354 go on", b"QUIT": b"221 bye"}


class Sink(socketserver.ThreadingTCPServer):
    """A server on a port of its own; a context manager that serves and counts."""

    daemon_threads = True
    block_on_close = False
    request_queue_size = 128
    handler: ClassVar[type[socketserver.StreamRequestHandler]]

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), self.handler)
        self.count = 0
        self._lock = threading.Lock()

    @property
    def port(self) -> int:
        """Where it listens."""
        return int(self.server_address[1])

    def note(self) -> None:
        """Something has come as a whole."""
        with self._lock:
            self.count += 1

    def __enter__(self) -> Self:
        threading.Thread(target=self.serve_forever, args=(0.05,), daemon=True).start()
        return self

    def __exit__(self, *_: object) -> None:
        self.shutdown()
        self.server_close()

    def handle_error(self, *_: object) -> None:
        """A client that goes away is nothing to speak of."""


class _Requests(socketserver.StreamRequestHandler):
    server: "HookSink"
    disable_nagle_algorithm = True

    def handle(self) -> None:
        """Answer requests until the connection is closed."""
        while self.rfile.readline():
            length = 0
            while (line := self.rfile.readline()) not in (b"\r\n", b""):
                name, _, value = line.partition(b":")
                if name.lower() == b"content-length":
                    length = int(value)
            self.rfile.read(length)
            self.server.note()
            self.wfile.write(_ANSWER)


class HookSink(Sink):
    """Answers every request with success."""

    handler = _Requests


class _Conversation(socketserver.StreamRequestHandler):
    server: "MailSink"
    disable_nagle_algorithm = True

    def handle(self) -> None:
        """Take mails until the client has had enough."""
        self._say(b"220 sink")
        while line := self.rfile.readline():
            word = line[:4].upper()
            self._say(_REPLIES.get(word, b"250 ok"))
            if word == b"DATA":
                while self.rfile.readline() not in (b".\r\n", b""):
                    pass
                self.server.note()
                self._say(b"250 kept")

    def _say(self, text: bytes) -> None:
        self.wfile.write(text + b"\r\n")


class MailSink(Sink):
    """Takes every mail."""

    handler = _Conversation
