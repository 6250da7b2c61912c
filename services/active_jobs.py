"""Lists of live jobs: filtered, sorted and cut as a caller asks, as JSON texts."""

import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from core import json
from models import live_lists
from models.database import db
from services import live_scan
from services.access import Caller
from services.job_views import HEAVY

#: Lists of up to so many rows are sent whole.
_SHORT = 200
#: How many different lists are kept until the next commit.
_MOST_KEPT = 16


class Listing:
    """A list's rows as JSON texts, in chunks, and its length before paging.

    Short lists are read at once and are one chunk, long ones as somebody takes them.
    """

    def __init__(self, entries: live_lists.Entries, length: int) -> None:
        self._entries = entries
        #: A job that ends while the list is read is neither shown nor, in the end, counted.
        self.length = length
        self._ready: list[str] | None = None
        if len(entries) <= _SHORT:
            self._ready = [text for chunk in self._read() for text in chunk]

    @property
    def is_short(self) -> bool:
        """Whether all is read."""
        return self._ready is not None

    def __iter__(self) -> Iterator[list[str]]:
        return self._read() if self._ready is None else iter([self._ready])

    def _read(self) -> Iterator[list[str]]:
        shown = 0
        for chunk in live_scan.texts(self._entries):
            shown += len(chunk)
            yield [text for _, text in chunk]
        self.length -= len(self._entries) - shown

    def length_text(self) -> str:
        """The `list` member of a reply, to be asked for after the last chunk."""
        return f'{{"length":{self.length}}}'


@dataclass(frozen=True)
class _Order:
    """How a list is sorted and cut, in the numbers of JavaScript."""

    offset: int = 0
    limit: int = 0
    sort_by: str = "started"
    sort_dir: float = -1

    @property
    def is_sorted(self) -> bool:
        return not math.isnan(self.sort_dir)

    @property
    def is_page(self) -> bool:
        """Whether the database can sort and cut."""
        is_forward = self.offset >= 0 and self.limit > 0
        return is_forward and self.is_sorted and self.sort_by == "started"

    def apply(self, found: list[tuple[Any, Any]]) -> list[Any]:
        """Entries that came with the values to sort by, sorted and cut.

        Where a value is no number, all keep the order of their launch.
        """
        if self.is_sorted and all(isinstance(value, (int, float)) for _, value in found):
            sign = 1 if self.sort_dir > 0 else -1
            found = sorted(found, key=lambda pair: sign * pair[1])
        end = self.offset + self.limit if self.limit else None
        return [entry for entry, _ in found[self.offset : end]]


def listing(filters: Mapping[str, Any], caller: Caller, **paging: Any) -> Listing:
    """The live jobs that match all filters and that the caller may see.

    `paging` may have `offset`, `limit` (0 is all), `sort_by` (a numeric key) and `sort_dir`; rows
    are cut as JavaScript's `slice` does. Short lists are kept until the next commit of anybody.
    """
    order = _Order(**paging)
    if not caller.is_unlimited:
        return _read(filters, caller, order)
    kept: dict[str, Listing] = db.kept().setdefault("active_jobs", {})
    key = json.dumps([filters, repr(order)])
    found = kept.get(key)
    if found is None:
        found = _read(filters, caller, order)
        if found.is_short and len(kept) < _MOST_KEPT:
            kept[key] = found
    return found


def running_texts(caller: Caller) -> dict[str, str]:
    """The live jobs that are not queued, as JSON texts by their ids, without heavy keys."""
    chosen = (entry for entry in live_scan.entries({}) if entry.state != "queued")
    return {
        entry.id: json.dumps({key: job[key] for key in job if key not in HEAVY})
        for entry, job in live_scan.documents(chosen)
        if caller.may_see(job)
    }


def _read(filters: Mapping[str, Any], caller: Caller, order: _Order) -> Listing:
    columns, rest = live_scan.split(filters)
    if rest or not caller.is_unlimited or order.sort_by != "started":
        return _from_documents(filters, caller, order)
    if order.is_page:
        return _page(columns, order)
    found = [(entry, entry.started) for entry in live_scan.entries(columns)]
    return Listing(order.apply(found), len(found))


def _from_documents(filters: Mapping[str, Any], caller: Caller, order: _Order) -> Listing:
    """A list for which every job has to be looked into."""
    found = [(entry, job.get(order.sort_by)) for entry, job in live_scan.matching(filters, caller)]
    return Listing(order.apply(found), len(found))


def _page(columns: Mapping[str, str], order: _Order) -> Listing:
    """A list that the database sorts and cuts."""
    entries, length = db.read(
        lambda connection: live_lists.page_by_start(
            connection,
            columns,
            is_ascending=order.sort_dir > 0,
            offset=order.offset,
            limit=order.limit,
        )
    )
    return Listing(entries, length)
