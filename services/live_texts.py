"""JSON texts of live jobs, kept as long as the jobs don't change: lists show them over and over."""

from collections import OrderedDict
from typing import Any

import sqlalchemy as sa
from flask import current_app

from core import json
from models import live_lists
from services import job_views

#: How much text a process keeps, characters, and the largest one that is worth its place.
_MOST_CHARS = 16 * 1024 * 1024
_LARGEST_CHARS = 256 * 1024

Key = tuple[str, int]


class LiveTexts:
    """What a process keeps: the texts that were asked for last, by job and revision."""

    def __init__(self, most_chars: int = _MOST_CHARS) -> None:
        self._texts: OrderedDict[Key, str] = OrderedDict()
        self._most_chars = most_chars
        self._chars = 0

    def get(self, key: Key) -> str | None:
        """The text of this revision of a job, if it is kept."""
        text = self._texts.get(key)
        if text is not None:
            self._texts.move_to_end(key)
        return text

    def keep(self, key: Key, text: str) -> None:
        """Keep a text in place of those that nobody has asked for the longest."""
        if len(text) > _LARGEST_CHARS or key in self._texts:
            return
        self._texts[key] = text
        self._chars += len(text)
        while self._chars > self._most_chars:
            _, oldest = self._texts.popitem(last=False)
            self._chars -= len(oldest)


def texts_of(connection: sa.Connection, entries: live_lists.Entries) -> dict[str, str]:
    """The jobs of these entries as JSON texts, by id and in the same order.

    One that has ended since its entry was read is left out. Ask for a few at a time: making
    their texts keeps the processor busy.
    """
    kept = _kept()
    texts = {entry.id: kept.get((entry.id, entry.revision)) for entry in entries}
    missing = [job_id for job_id, text in texts.items() if text is None]
    rows = live_lists.documents(connection, missing) if missing else {}
    for row in rows.values():
        text = texts[row.id] = json.dumps(job_views.live_document(row))
        kept.keep((row.id, row.revision), text)
    places = live_lists.places(connection, [rows.get(entry.id, entry) for entry in entries])
    return {
        job_id: _placed(text, places.get(job_id))
        for job_id, text in texts.items()
        if text is not None
    }


def _placed(text: str, place: int | None) -> str:
    """A job's text with its place in the queue, which is counted anew for each list."""
    return text if place is None else f'{text[:-1]},"position":{place}}}'


def _kept() -> LiveTexts:
    extensions: dict[str, Any] = current_app.extensions
    if "switchyard_live_texts" not in extensions:
        extensions["switchyard_live_texts"] = LiveTexts()
    kept: LiveTexts = extensions["switchyard_live_texts"]
    return kept
