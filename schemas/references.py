"""What an event may name: lookups of other records, so that checks need no database."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

Lookup = Callable[[Any], dict[str, Any] | None]


@dataclass(frozen=True)
class References:
    """Finds the record with exactly this id, or nothing; any value may be asked for."""

    category: Lookup
    plugin: Lookup
    event: Lookup
    #: The ids of all tags.
    tag_ids: Callable[[], frozenset[str]]
