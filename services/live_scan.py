"""Going through all live jobs, fifty at a time, so that other callers get their turns."""

import re
import time
from collections.abc import Iterable, Iterator, Mapping
from functools import partial
from itertools import islice
from typing import Any

from core import json
from models import live_lists
from models.database import db
from services.access import Caller
from services.filters import loosely_equal
from services.live_texts import texts_of

Document = dict[str, Any]

#: How many jobs are worked on before others get their turn: a few milliseconds.
CHUNK = 50
#: Entries are much smaller than jobs.
_ENTRIES = 500
_SEPARATORS = re.compile(r"[./]+")


def entries(columns: Mapping[str, str]) -> Iterator[Any]:
    """The entries of all live jobs with these values in their columns, in order of launch."""
    seq, is_last = 0, False
    while not is_last:
        found = db.read(partial(live_lists.entries_after, filters=columns, seq=seq, limit=_ENTRIES))
        yield from found
        is_last = len(found) < _ENTRIES
        if not is_last:
            seq = found[-1].seq
            _pause()


def texts(chosen: Iterable[Any]) -> Iterator[list[tuple[Any, str]]]:
    """Entries with their jobs as JSON texts, chunk by chunk.

    Those that have ended meanwhile are left out.
    """
    ahead = iter(chosen)
    while chunk := list(islice(ahead, CHUNK)):
        found = db.read(partial(texts_of, entries=chunk))
        yield [(entry, found[entry.id]) for entry in chunk if entry.id in found]
        _pause()


def documents(chosen: Iterable[Any]) -> Iterator[tuple[Any, Document]]:
    """Entries with their jobs as documents."""
    for chunk in texts(chosen):
        for entry, text in chunk:
            yield entry, json.loads(text)


def matching(filters: Mapping[str, Any], caller: Caller) -> Iterator[tuple[Any, Document]]:
    """Entries and documents of the live jobs that match all filters and the caller may see."""
    columns, rest = split(filters)
    for entry, job in documents(entries(columns)):
        is_meant = all(loosely_equal(value, job.get(key)) for key, value in rest.items())
        if is_meant and caller.may_see(job):
            yield entry, job


def split(filters: Mapping[str, Any]) -> tuple[dict[str, str], Document]:
    """The filters that columns answer, and all others. PostgreSQL takes no NUL."""
    columns = {
        name: filters[name]
        for name in live_lists.FILTER_COLUMNS
        if isinstance(filters.get(name), str) and "\0" not in filters[name]
    }
    return columns, {key: value for key, value in filters.items() if key not in columns}


def value_at(document: Any, path: str) -> Any:
    """What a path such as `workflow.node` leads to, through objects and arrays; None is nothing."""
    for part in filter(None, _SEPARATORS.split(path)):
        if isinstance(document, dict):
            document = document.get(part)
        elif isinstance(document, list) and part.isascii() and part.isdigit():
            document = dict(enumerate(document)).get(int(part[:9]))
        else:
            return None
    return document


def _pause() -> None:
    """Let the event loop look at its sockets; sleeping for 0 would only run ready greenlets."""
    time.sleep(1e-9)
