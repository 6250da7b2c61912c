"""This host: how activity logs name it, and which row of the servers' table it is."""

import socket
from functools import cache
from typing import Any

import sqlalchemy as sa

from models.server import Server


@cache
def host_name() -> str:
    """This host's name, lower case."""
    return socket.gethostname().lower()


def our_name() -> str:
    """Who writes the activity entries that are not a server's."""
    return f"m:{host_name()}"


def this_server(connection: sa.Connection) -> dict[str, Any] | None:
    """This host's server document."""
    for server in Server.all(connection):
        if server.get("hostname") == host_name():
            return server
    return None
