"""Counts of live jobs: by event, and by node of a workflow."""

from collections.abc import Mapping
from typing import Any

from core.javascript import is_truthy, to_string
from services import live_scan
from services.access import Caller
from services.filters import loosely_equal

Document = dict[str, Any]


def by_event(filters: Mapping[str, Any], caller: Caller) -> dict[str, Document]:
    """For each event, how many of its live jobs have each state, source and target."""
    events: dict[str, Document] = {}
    for _, job in live_scan.matching(filters, caller):
        if job.get("type") == "adhoc":
            continue
        new: Document = {"id": job["event"], "states": {}, "sources": {}, "targets": {}}
        event = events.setdefault(job["event"], new)
        _count(event["states"], job["state"])
        _count(event["sources"], job.get("source"))
        for target in job.get("targets") or ():
            _count(event["targets"], target)
    return events


def by_node(filters: Mapping[str, Any], caller: Caller) -> dict[str, int]:
    """For each node of a workflow, how many live jobs it has; filters may be paths."""
    nodes: dict[str, int] = {}
    for _, job in live_scan.matching({}, caller):
        node = live_scan.value_at(job, "workflow.node")
        if is_truthy(node) and _matches(job, filters):
            _count(nodes, node)
    return nodes


def _matches(job: Document, filters: Mapping[str, Any]) -> bool:
    return all(
        loosely_equal(value, live_scan.value_at(job, path)) for path, value in filters.items()
    )


def _count(counts: dict[str, int], key: Any) -> None:
    name = to_string(key)
    counts[name] = counts.get(name, 0) + 1
