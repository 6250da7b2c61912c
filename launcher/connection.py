"""One client of the launcher: newline-delimited JSON frames in both directions."""

from __future__ import annotations

import json
import socket
from collections.abc import Callable

from launcher.loop import READ, WRITE, Loop

#: Bytes that may wait for a slow client before it is closed.
MAX_OUTGOING_BYTES = 8 * 1024 * 1024
#: Bytes of one frame; a job's input travels inside its launch frame.
MAX_FRAME_BYTES = 256 * 1024 * 1024
#: Bytes asked from the socket at once.
RECEIVE_BYTES = 256 * 1024
#: Frames handled before other descriptors get their turn.
FRAMES_PER_TURN = 4

Frame = dict[str, object]


class MalformedFrameError(ValueError):
    """A line that is not a JSON object."""


def decode(line: bytes) -> Frame:
    try:
        frame = json.loads(line)
    except (ValueError, RecursionError) as error:
        raise MalformedFrameError(str(error)) from error
    if not isinstance(frame, dict):
        raise MalformedFrameError("not an object")
    return frame


class Connection:
    """A connected client: its unparsed input, its unsent output, and whether it said hello."""

    def __init__(
        self,
        loop: Loop,
        client: socket.socket,
        on_frame: Callable[[Connection, Frame], None],
        on_close: Callable[[Connection], None],
    ) -> None:
        client.setblocking(False)
        self.greeted = False
        self._loop = loop
        self._socket = client
        self._on_frame = on_frame
        self._on_close = on_close
        self._incoming = bytearray()
        self._searched_bytes = 0
        self._outgoing = bytearray()
        self._reading = True
        # A client that died may have left orders behind: they are still read.
        self._deaf = False
        self._closed = False
        self._watch()

    def send(self, frame: Frame) -> None:
        """Queue a frame and send what the socket takes; never blocks."""
        if self._closed or self._deaf:
            return
        self._outgoing += json.dumps(frame, separators=(",", ":")).encode() + b"\n"
        self._flush()

    def close(self) -> None:
        if self._closed:
            return
        self._closed = True
        self._loop.unwatch(self._socket.fileno())
        self._socket.close()
        self._incoming.clear()
        self._outgoing.clear()
        self._on_close(self)

    def _watch(self) -> None:
        wanted = (READ if self._reading else 0) | (WRITE if self._outgoing else 0)
        self._loop.watch(self._socket.fileno(), self._ready, wanted)

    def _ready(self) -> None:
        if self._outgoing:
            self._flush()
        if self._reading and not self._closed:
            self._receive()

    def _flush(self) -> None:
        try:
            sent = self._socket.send(self._outgoing)
        except BlockingIOError:
            sent = 0
        except OSError:
            self._deaf = True
            sent = len(self._outgoing)
        del self._outgoing[:sent]
        if len(self._outgoing) > MAX_OUTGOING_BYTES:
            self.close()
        else:
            self._watch()

    def _receive(self) -> None:
        try:
            chunk = self._socket.recv(RECEIVE_BYTES)
        except BlockingIOError:
            return
        except OSError:
            chunk = b""
        if not chunk:
            self.close()
            return
        self._incoming += chunk
        self._handle_frames()

    def _handle_frames(self) -> None:
        """Handle a few complete frames; the rest wait for the next turn of the loop."""
        for _ in range(FRAMES_PER_TURN):
            line = self._next_line()
            if line is None:
                break
            try:
                self._on_frame(self, decode(line))
            except MalformedFrameError:
                self.close()
            if self._closed:
                return
        backlog = self._incoming.find(b"\n", self._searched_bytes) >= 0
        if backlog:
            self._loop.call_later(0, self._resume)
        if self._reading == backlog:
            self._reading = not backlog
            self._watch()

    def _resume(self) -> None:
        if not self._closed:
            self._handle_frames()

    def _next_line(self) -> bytes | None:
        end = self._incoming.find(b"\n", self._searched_bytes)
        if end < 0:
            self._searched_bytes = len(self._incoming)
            if self._searched_bytes > MAX_FRAME_BYTES:
                self.close()
            return None
        line = bytes(self._incoming[:end])
        del self._incoming[: end + 1]
        self._searched_bytes = 0
        return line
