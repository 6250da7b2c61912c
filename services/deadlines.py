"""Deadlines: when the next time limit of a job fires."""

from collections.abc import Mapping, Sequence
from typing import Any


def next_due(limits: Sequence[Mapping[str, Any]], started: float) -> float | None:
    """When the next of these limits fires, Unix seconds; each fires once."""
    moments = [
        started + limit["duration"]
        for limit in limits
        if limit.get("type") == "time" and limit.get("enabled") and not limit.get("date")
    ]
    return min(moments, default=None)
