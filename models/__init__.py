"""The tables, one module each, with their queries as class methods."""

from models import (
    api_key,
    category,
    event,
    event_state,
    file_use,
    group,
    idempotency_key,
    job,
    leader,
    magic_link,
    plugin,
    server,
    stored_file,
    tag,
    transaction,
)

__all__ = [
    "api_key",
    "category",
    "event",
    "event_state",
    "file_use",
    "group",
    "idempotency_key",
    "job",
    "leader",
    "magic_link",
    "plugin",
    "server",
    "stored_file",
    "tag",
    "transaction",
]
