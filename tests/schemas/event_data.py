"""A valid event and the records that it may name, for the tests of event schemas."""

import copy
from typing import Any

from schemas.references import References
from tests.event_documents import RUNNABLE

SHELL = {
    "id": "shellplug",
    "type": "event",
    "params": [
        {"id": "script", "type": "code", "required": True, "locked": True},
        {"id": "annotate", "type": "checkbox"},
        {"id": "retries", "type": "text", "range": "1-10/1"},
        {"id": "host", "type": "text", "regex": "^[a-z.]+$"},
    ],
}
PLUGINS = {
    "shellplug": SHELL,
    "acts": {
        "id": "acts",
        "type": "action",
        "params": [{"id": "room", "type": "text", "required": True}],
    },
    "moon": {
        "id": "moon",
        "type": "scheduler",
        "params": [{"id": "phase", "type": "text", "regex": "^(new|full)$"}],
    },
}
TARGET_EVENT = {
    "id": "other",
    "fields": [
        {"id": "size", "type": "text", "value": "1", "range": "1-5"},
        {"id": "name", "type": "text", "required": True},
    ],
}

REFERENCES = References(
    category={"general": {"id": "general"}}.get,
    plugin=lambda key: PLUGINS.get(key) if isinstance(key, str) else None,
    event={"other": TARGET_EVENT}.get,
    tag_ids=lambda: frozenset({"important", "flag"}),
)

VALID: dict[str, Any] = {
    "id": "ebackup",
    "title": "Backup",
    **copy.deepcopy(RUNNABLE),
    "limits": [],
    "actions": [],
    "fields": [],
}


def changed(**changes: Any) -> dict[str, Any]:
    """A copy of the valid event with other values."""
    return copy.deepcopy(VALID) | changes
