"""Servers: the hosts that run jobs, and which of them are connected."""

import os
from collections import Counter
from pathlib import Path
from typing import Any

import sqlalchemy as sa

from core.errors import NotFound
from models.database import db
from models.leader import Leader
from models.server import Server
from services.hosts import host_name

Document = dict[str, Any]

#: What a summary counts: its names, and where a server's document has the values.
_COUNTED = {
    "os_platform": ("platform",),
    "os_arch": ("arch",),
    "os_release": ("release",),
    "cpu_cores": ("cpu", "cores"),
}


def list_all() -> list[Document]:
    """All servers, as they are now."""
    return [_measured(server) for server in db.read(Server.all)]


def connected() -> list[Document]:
    """The servers that run jobs now: those of the engine that leads."""
    return list_all() if db.read(_is_engine_there) else []


def get(server_id: str) -> tuple[Document, bool]:
    """A server, and whether it is connected; raises `NotFound`."""
    server = db.read(lambda connection: Server.get(connection, server_id))
    if server is None:
        raise NotFound(f"Failed to locate server: {server_id}")
    return _measured(server), db.read(_is_engine_there)


def get_connected(server_id: str) -> Document:
    """A connected server; raises `NotFound`."""
    server, is_connected = get(server_id)
    if not is_connected:
        raise NotFound(f"Server is not connected: {server_id}")
    return server


def summaries() -> dict[str, dict[str, int]]:
    """How many servers have each platform, architecture, release and number of cores."""
    servers = db.read(Server.all)
    return {
        name: dict(Counter(str(_at(server.get("info"), path)) for server in servers))
        for name, path in _COUNTED.items()
    }


def _at(value: Any, path: tuple[str, ...]) -> Any:
    for key in path:
        value = value.get(key, "") if isinstance(value, dict) else ""
    return value


def _is_engine_there(connection: sa.Connection) -> bool:
    leader = Leader.current(connection)
    return leader is not None and leader[2]


def _measured(server: Document) -> Document:
    """A server with its load and its free memory, where it is the host that we run on."""
    if server.get("hostname") != host_name():
        return server
    info: Document = server.get("info") or {}
    memory = {**info.get("memory", {}), "available": _available_bytes()}
    return server | {"info": info | {"load": list(os.getloadavg()), "memory": memory}}


def _available_bytes() -> int:
    """What programs can still use of the memory, as the kernel estimates it."""
    for line in Path("/proc/meminfo").read_text().splitlines():
        if line.startswith("MemAvailable:"):
            return int(line.split()[1]) * 1024
    return 0
