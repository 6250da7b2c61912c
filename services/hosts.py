"""This host: how activity logs name it, and which row of the servers' table it is."""

import socket
from functools import cache


@cache
def host_name() -> str:
    """This host's name, lower case."""
    return socket.gethostname().lower()


def our_name() -> str:
    """Who writes the activity entries that are not a server's."""
    return f"m:{host_name()}"
