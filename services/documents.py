"""Lists of records: all documents of a table that a caller asked for, a few at a time."""

from collections.abc import Callable, Iterator
from functools import partial
from typing import Any

from core import json
from models.database import db
from models.document import DocumentTable

Document = dict[str, Any]

#: How many documents are in memory at the same time.
_CHUNK = 200


class Listing:
    """The JSON texts of all documents that `keep` lets pass, in chunks, and how many those are.

    Without `keep` they are not even parsed.
    """

    def __init__(
        self,
        table: type[DocumentTable],
        keep: Callable[[Document], bool] | None = None,
        *,
        newest_first: bool = False,
    ) -> None:
        self._table = table
        self._keep = keep
        self._newest_first = newest_first
        #: How many documents there were so far; all of them, once the list is at its end.
        self.length = 0

    def __iter__(self) -> Iterator[list[str]]:
        seq, is_last = None, False
        while not is_last:
            query = partial(
                self._table.texts, after=seq, limit=_CHUNK, newest_first=self._newest_first
            )
            rows = db.read(query)
            is_last = len(rows) < _CHUNK
            if rows:
                seq = rows[-1][0]
                yield self._kept([text for _, text in rows])

    def _kept(self, texts: list[str]) -> list[str]:
        if self._keep is not None:
            texts = [text for text in texts if self._keep(json.loads(text))]
        self.length += len(texts)
        return texts

    def length_text(self) -> str:
        """The `list` member of a reply, to be asked for after the last chunk."""
        return f'{{"length":{self.length}}}'
