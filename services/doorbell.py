"""The doorbell: tells other processes that something in the database changed, and no more.

A ring carries nothing and promises nothing: who hears it reads again what it cares about. How it
travels depends on the database: as a datagram beside SQLite, as a notification of PostgreSQL.
"""

import importlib
import socket
import threading
from types import ModuleType
from typing import Protocol

from flask import Flask, current_app

from models.database import db
from services import doorbell_datagrams

#: Two threads that ring first at the same moment must not make two ringers.
_making = threading.Lock()


class Bell(Protocol):
    """One listener."""

    #: Who it is, for those who do not want to wake it.
    name: str
    #: Becomes readable when somebody rang.
    socket: socket.socket

    def drain(self) -> None:
        """Take all rings that have come so far."""

    def wake(self) -> None:
        """Ring this bell alone, from another thread of its process."""

    def close(self) -> None:
        """Stop listening."""


class Ringer(Protocol):
    """What rings for one process."""

    def ring(self, skip: str = "") -> None:
        """Wake every listener but the one named `skip`; never waits."""

    def close(self) -> None:
        """Give back what it holds."""


def listen(app: Flask) -> Bell:
    """A new listener."""
    with app.app_context():
        if _is_postgresql():
            bell: Bell = _notifications().NotifiedBell(db.engine)
            return bell
    return doorbell_datagrams.DatagramBell(app.config["INSTANCE_PATH"])


def ringer() -> Ringer:
    """What rings for the current application."""
    extensions = current_app.extensions
    with _making:
        if "switchyard_ringer" not in extensions:
            extensions["switchyard_ringer"] = _new_ringer()
        found: Ringer = extensions["switchyard_ringer"]
    return found


def ring() -> None:
    """Ring for the current application; call it after the commit, never before."""
    ringer().ring()


def _new_ringer() -> Ringer:
    if _is_postgresql():
        made: Ringer = _notifications().NotifyingRinger(db.engine)
        return made
    return doorbell_datagrams.DatagramRinger(current_app.config["INSTANCE_PATH"])


def _is_postgresql() -> bool:
    return db.engine.dialect.name == "postgresql"


def _notifications() -> ModuleType:
    """Loaded only where it is used, because its driver is optional."""
    return importlib.import_module("services.doorbell_notifications")
