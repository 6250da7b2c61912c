"""What clients load as they start: all lists in one reply, and how things stand."""

from collections.abc import Iterable, Mapping
from typing import Any

from core import clock, json
from models.api_key import ApiKey
from models.bucket import Bucket
from models.category import Category
from models.channel import Channel
from models.database import db
from models.document import DocumentTable
from models.event import Event
from models.event_state import EventState
from models.group import Group
from models.plugin import Plugin
from models.role import Role
from models.secret import Secret
from models.tag import Tag
from models.web_hook import WebHook
from services import active_jobs, global_state, servers, statistics
from services.access import Caller
from services.documents import Listing

#: Where lists come from; those of features that are not built are empty.
_TABLES: Mapping[str, type[DocumentTable]] = {
    "api_keys": ApiKey,
    "groups": Group,
    "plugins": Plugin,
    "categories": Category,
    "events": Event,
    "tags": Tag,
    "roles": Role,
    "web_hooks": WebHook,
    "channels": Channel,
    "secrets": Secret,
    "buckets": Bucket,
}
_PARTS = ("jobs", "alerts", "state", "stats", "servers", "serverCache")


def texts(lists: Iterable[str], wanted: Mapping[str, bool], caller: Caller) -> dict[str, str]:
    """The members of the reply as JSON texts: these lists, and the parts that are wanted."""
    members = {"epoch": json.dumps(clock.now())}
    members |= {name: _list_text(name) for name in lists}
    for part in _PARTS:
        if wanted.get(part):
            members |= _PART_TEXTS[part](caller)
    return members


def _list_text(name: str) -> str:
    chunks = Listing(_TABLES[name]) if name in _TABLES else ()
    shown = (_without_secrets(name, text) for chunk in chunks for text in chunk)
    return f"[{','.join(shown)}]"


def _without_secrets(name: str, text: str) -> str:
    """A record without the hash that opens it; most have none, and are not even parsed."""
    if name == "api_keys":
        record = json.loads(text)
        record.pop("key", None)
        return json.dumps(record)
    if name == "events" and '"token"' in text:
        event = json.loads(text)
        for trigger in event.get("triggers") or ():
            trigger.pop("token", None)
        return json.dumps(event)
    return text


def _jobs(caller: Caller) -> dict[str, str]:
    running = active_jobs.running_texts(caller)
    members = (f"{json.dumps(job_id)}:{text}" for job_id, text in running.items())
    return {"activeJobs": f"{{{','.join(members)}}}", "internalJobs": "{}"}


def _servers(_caller: Caller) -> dict[str, str]:
    return {"servers": json.dumps({server["id"]: server for server in servers.connected()})}


def _server_cache(_caller: Caller) -> dict[str, str]:
    """Servers that are not connected: all, while no engine leads."""
    there = {server["id"] for server in servers.connected()}
    others = {item["id"]: item for item in servers.list_all() if item["id"] not in there}
    return {"serverCache": json.dumps(others)}


def state() -> dict[str, Any]:
    """What is switched on."""
    is_on = db.read(global_state.scheduler_is_on)
    return {"scheduler": {"enabled": is_on}, "events": db.read(EventState.all)}


_PART_TEXTS: Mapping[str, Any] = {
    "jobs": _jobs,
    "alerts": lambda _caller: {"activeAlerts": "{}"},
    "state": lambda _caller: {"state": json.dumps(state())},
    "stats": lambda _caller: {"stats": json.dumps(statistics.current())},
    "servers": _servers,
    "serverCache": _server_cache,
}
