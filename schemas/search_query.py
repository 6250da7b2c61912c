"""Queries of searches: what a query means, as a tree of conditions that jobs meet or don't."""

from dataclasses import dataclass

from core.errors import BadRequest

#: Keys of jobs that are searched by words.
WORD_FIELDS = (
    *("code", "source", "event", "category", "plugin", "server", "tags", "groups", "tickets"),
    "workflow",
)
#: Keys that have an order, and the job's key that each means.
RANGE_FIELDS = {
    "date": "completed",
    "completed": "completed",
    "started": "started",
    "elapsed": "elapsed",
}
TEXT_FIELD = "text"
#: The longest query, characters, and the most conditions in one.
MAX_QUERY_CHARS = 10_000
MAX_CONDITIONS = 200


@dataclass(frozen=True)
class Word:
    """Jobs that have these words next to each other in a key."""

    field: str
    words: tuple[str, ...]


@dataclass(frozen=True)
class Text:
    """Jobs that have these words next to each other in title, label, description or log."""

    words: tuple[str, ...]


@dataclass(frozen=True)
class Range:
    """Jobs whose key is at least `low` and less than `high`."""

    field: str
    low: float | None
    high: float | None


@dataclass(frozen=True)
class All:
    """Jobs that meet all of these; without any, every job."""

    items: tuple["Node", ...]


@dataclass(frozen=True)
class AnyOf:
    """Jobs that meet any of these; without any, no job."""

    items: tuple["Node", ...]


@dataclass(frozen=True)
class Not:
    """Jobs that don't meet this."""

    item: "Node"


Node = Word | Text | Range | All | AnyOf | Not
EVERYTHING = All(())
NOTHING = AnyOf(())


def any_of(items: list[Node]) -> Node:
    """Any of these; a single one as it is."""
    return items[0] if len(items) == 1 else AnyOf(tuple(items))


def check_field(name: str, position: int) -> str:
    """The name of a field in small letters; raises `BadRequest` when there is no such field."""
    field = name.lower()
    if field not in (*WORD_FIELDS, *RANGE_FIELDS, TEXT_FIELD):
        raise flaw(f"Index not found: {name[:100]}", position)
    return field


def flaw(text: str, position: int) -> BadRequest:
    """The error for a query that can't be understood; positions count from 0."""
    return BadRequest(f"Failed DB search: Error: {text} (at position {position + 1})", code="db")
