"""The tables, one module each, with their queries as class methods."""

from models import (
    api_key,
    category,
    event,
    group,
    idempotency_key,
    job,
    leader,
    magic_link,
    plugin,
    server,
    tag,
    transaction,
)

__all__ = [
    "api_key",
    "category",
    "event",
    "group",
    "idempotency_key",
    "job",
    "leader",
    "magic_link",
    "plugin",
    "server",
    "tag",
    "transaction",
]
