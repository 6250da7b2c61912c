"""What jobs leave with their server for later jobs: `serverData`, kept as its `userData`."""

from typing import Any

from core import json
from engine.turn import Turn
from models.server import Server
from services.hosts import our_name
from services.transitions import Row, activity

Document = dict[str, Any]

#: Every job of the server gets all of it, as JSON.
_MOST_CHARS = 256 * 1024
_TOO_MUCH = "WARNING: serverData was not kept: The server's data would be more than 256 K."


def keep(turn: Turn, job: Document) -> list[Row]:
    """Merge what a job said of its server into that; returns activity entries."""
    told = job.get("serverData")
    if not told or not isinstance(told, dict):
        return []
    server = Server.for_change(turn.connection, str(job.get("server")))
    if server is None:
        return []
    before = server.get("userData")
    data = {**(before if isinstance(before, dict) else {}), **told}
    if len(json.dumps(data)) > _MOST_CHARS:
        return [activity(_TOO_MUCH, our_name())]
    if data != before:
        turn.replace(Server, server | {"userData": data})
    return []
