"""The doorbell on PostgreSQL: `NOTIFY` wakes those who `LISTEN`, wherever they run.

Each side has a connection of its own and a thread that keeps it: callers never wait for the
network, and a lost connection is made anew. In web workers these threads are greenlets.
"""

import logging
import os
import select
import socket
import threading
import time
import uuid
from contextlib import suppress
from typing import Any

import psycopg
import sqlalchemy as sa

logger = logging.getLogger(__name__)

_CHANNEL = "switchyard"
_RING = b"\0"
#: Rings that come faster travel together, seconds.
_BETWEEN_RINGS_SECONDS = 0.005
#: Pause before a lost connection is made anew, seconds.
_AGAIN_SECONDS = 1.0


class NotifiedBell:
    """One listener: a thread passes notifications on to a socket of this process."""

    def __init__(self, engine: sa.Engine) -> None:
        self.name = f"{os.getpid()}-{uuid.uuid4().hex[:8]}"
        self.socket, self._sender = socket.socketpair(socket.AF_UNIX, socket.SOCK_DGRAM)
        self.socket.setblocking(False)
        self._sender.setblocking(False)
        self._engine = engine
        self._closed = False
        self._thread = threading.Thread(target=self._listen, name="doorbell", daemon=True)
        self._thread.start()

    def drain(self) -> None:
        """Take all rings that have come so far."""
        with suppress(BlockingIOError):
            while self.socket.recv(64):
                pass

    def wake(self) -> None:
        """Ring this bell alone, from another thread of its process."""
        # A full buffer holds rings that will wake it anyway; a closed bell hears nothing.
        with suppress(BlockingIOError, BrokenPipeError, ConnectionRefusedError):
            self._sender.send(_RING)

    def close(self) -> None:
        """Stop listening."""
        self._closed = True
        # The way back through the pair of sockets tells the thread.
        self.socket.send(_RING)
        self._thread.join(_AGAIN_SECONDS)
        self.socket.close()

    def _listen(self) -> None:
        while not self._closed:
            try:
                self._pass_on()
            except (psycopg.Error, sa.exc.SQLAlchemyError) as error:
                logger.warning("the doorbell can't listen: %s", type(error).__name__)
                time.sleep(_AGAIN_SECONDS)
        self._sender.close()

    def _pass_on(self) -> None:
        """Listen on one connection for as long as it holds."""
        with _connect(self._engine) as connection:
            connection.execute(f"LISTEN {_CHANNEL}")
            # What happened before was not heard.
            self.wake()
            while not self._closed:
                select.select([connection.fileno(), self._sender.fileno()], [], [])
                for notification in connection.notifies(timeout=0):
                    if notification.payload != self.name:
                        self.wake()


class NotifyingRinger:
    """What rings for one process: a thread that notifies after it was told to, in one go."""

    def __init__(self, engine: sa.Engine) -> None:
        self._engine = engine
        self._asked = threading.Event()
        self._lock = threading.Lock()
        #: Who need not be woken by the next ring; nothing when somebody wants all to be.
        self._skip: str | None = None
        self._closed = False
        self._thread = threading.Thread(target=self._serve, name="ringer", daemon=True)
        self._thread.start()

    def ring(self, skip: str = "") -> None:
        """Wake every listener but the one named `skip`; never waits."""
        with self._lock:
            self._skip = skip if self._skip in (None, skip) else ""
        self._asked.set()

    def close(self) -> None:
        """End the thread; it rings once more."""
        self._closed = True
        self._asked.set()
        self._thread.join(_AGAIN_SECONDS)

    def _serve(self) -> None:
        while not self._closed:
            try:
                self._notify()
            except (psycopg.Error, sa.exc.SQLAlchemyError) as error:
                # Nobody knows whether it came through; meanwhile listeners look by themselves.
                self._asked.set()
                logger.warning("the doorbell can't ring: %s", type(error).__name__)
                time.sleep(_AGAIN_SECONDS)

    def _notify(self) -> None:
        """Ring on one connection for as long as it holds."""
        with _connect(self._engine) as connection:
            # A ring is no promise: nobody has to wait until it is on disk.
            connection.execute("SET synchronous_commit = off")
            while not self._closed:
                self._asked.wait()
                self._asked.clear()
                connection.execute("SELECT pg_notify(%s, %s)", (_CHANNEL, self._take_skip()))
                time.sleep(_BETWEEN_RINGS_SECONDS)

    def _take_skip(self) -> str:
        with self._lock:
            skip, self._skip = self._skip, None
        return skip or ""


def _connect(engine: sa.Engine) -> "psycopg.Connection[Any]":
    """A connection outside the pool, each of whose statements is its own transaction."""
    raw = engine.raw_connection()
    connection: psycopg.Connection[Any] = raw.driver_connection  # type: ignore[assignment]
    raw.detach()
    connection.autocommit = True
    return connection
