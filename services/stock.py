"""What every instance has from its first start on: the records that events refer to."""

import os
import platform
import socket
from collections.abc import Mapping
from typing import Any

import sqlalchemy as sa

from core import clock
from core.ids import new_id
from models.category import Category
from models.document import DocumentTable
from models.global_state import GlobalState
from models.group import Group
from models.plugin import Plugin
from models.server import Server
from models.tag import Tag
from services.hosts import host_name
from services.stock_plugins import FIRST_PLUGINS, PLUGINS

Document = dict[str, Any]

#: An address that is reserved for documentation: a route to it tells our own address.
_ELSEWHERE = ("192.0.2.1", 9)

_RECORDS: tuple[tuple[type[DocumentTable], tuple[Document, ...]], ...] = (
    (
        Category,
        (
            {
                "id": "general",
                "title": "General",
                "enabled": True,
                "color": "plain",
                "icon": "folder-open-outline",
                "notes": "For events that belong nowhere else.",
                "limits": [],
                "actions": [],
                "sort_order": 0,
            },
        ),
    ),
    (
        Tag,
        (
            {"id": "important", "title": "Important", "icon": "alert-rhombus"},
            {"id": "flag", "title": "Flag", "icon": "flag-checkered"},
        ),
    ),
    (
        Group,
        (
            {
                "id": "main",
                "title": "Main Group",
                "icon": "server",
                "hostname_match": ".+",
                "sort_order": 0,
            },
        ),
    ),
)
#: The ids of stock plugins that the instance has got, whether or not it still has them.
_GOT = "stock.plugins"


def seed(connection: sa.Connection, settings: Mapping[str, Any]) -> None:
    """Fill what is empty with the stock records, and describe this host.

    What is there stays as it is, and what was deleted stays away. Plugins that are new in this
    version are added.
    """
    for table, records in _RECORDS:
        if table.all(connection):
            continue
        for record in records:
            table.insert(connection, {**record, **_origin()})
    _seed_plugins(connection)
    _seed_server(connection, settings)


def _seed_plugins(connection: sa.Connection) -> None:
    is_new = not Plugin.all(connection)
    got = GlobalState.get(connection, _GOT, [] if is_new else list(FIRST_PLUGINS))
    for plugin in PLUGINS:
        if plugin["id"] not in got:
            Plugin.insert(connection, {**plugin, **_origin()})
    # None is forgotten: who goes back to an older version for a while gets nothing twice.
    ours = [plugin["id"] for plugin in PLUGINS]
    GlobalState.put(connection, _GOT, list(dict.fromkeys([*got, *ours])))


def _origin() -> Document:
    now = int(clock.now())
    return {"username": "admin", "modified": now, "created": now, "revision": 1}


def _seed_server(connection: sa.Connection, settings: Mapping[str, Any]) -> None:
    """Make sure that one server is this host, and that it is described as it is now.

    All jobs run on one host: when its name has changed, as a new container's does, it remains
    the same server, so that targets and records keep their meaning.
    """
    servers = Server.all(connection)
    ours = next((item for item in servers if item.get("hostname") == host_name()), None)
    known = ours or next(iter(servers), None)
    facts = _facts(settings)
    if known is None:
        fresh = {"groups": ["main"], "enabled": True, "keywords": ""}
        Server.insert(connection, {"id": new_id("s"), **facts, **fresh, **_origin()})
    elif {**known, **facts} != known:
        Server.replace(connection, {**known, **facts, "modified": int(clock.now())})


def _facts(settings: Mapping[str, Any]) -> Document:
    """What can be said about this host."""
    facts: Document = {"hostname": host_name(), "ip": _address(), "info": _info()}
    if settings["SERVER_TITLE"]:
        facts["title"] = settings["SERVER_TITLE"]
    return facts


def _address() -> str:
    """The address that this host would use towards others; connecting a datagram sends nothing."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        try:
            probe.connect(_ELSEWHERE)
        except OSError:
            return "127.0.0.1"
        return str(probe.getsockname()[0])


def _info() -> Document:
    memory_bytes = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    return {
        "platform": platform.system().lower(),
        "arch": platform.machine(),
        "release": platform.release(),
        "cpu": {"cores": os.cpu_count() or 1},
        "memory": {"total": memory_bytes},
    }
