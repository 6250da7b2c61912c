"""Plugins: the commands that events, actions and triggers can run."""

from typing import Any, ClassVar

import sqlalchemy as sa

from core.errors import Conflict
from models.event import Event
from models.plugin import Plugin
from schemas.catalogue import check_plugin
from services.catalogue import Catalogue, Document


class Plugins(Catalogue):
    """The plugins; whoever may write them decides what the server runs."""

    table = Plugin
    noun = "plugin"
    prefix = "p"
    defaults: ClassVar = {"enabled": True, "params": []}
    taken = "That Plugin ID already exists"
    is_sorted = True

    def check(self, _connection: sa.Connection, record: Document) -> None:
        """A plugin must be such that the engine can start it."""
        check_plugin(record)

    def check_unused(self, connection: sa.Connection, key: str) -> None:
        """Events can't run without their plugins."""
        for event in Event.mentioning(connection, key):
            if key == event["plugin"] or _names(event, key):
                text = f"Failed to delete plugin: Still in use by event: {event['id']}"
                raise Conflict(text, code=self.noun)


def _names(event: Document, key: str) -> bool:
    """Whether a trigger or action of the event runs the plugin."""
    entries: list[Any] = [*event.get("triggers", []), *event.get("actions", [])]
    return any(entry.get("plugin_id") == key for entry in entries)


plugins = Plugins()
