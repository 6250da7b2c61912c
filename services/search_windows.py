"""Pages of a search for one text on PostgreSQL, in the order of launch.

Its index of words knows no order. To read all that it finds, only to show the newest fifty, takes
long; to go through the newest jobs until fifty are found takes long where the words are rare. How
many there are is known, so that a window can be opened which is likely to hold enough of them.
"""

from collections.abc import Iterator, Sequence
from typing import Any

import sqlalchemy as sa

from models import job_text
from models.job_text import TEXTS

#: Up to so many jobs are read without a window.
_FEW = 500
#: How many times more jobs than needed a window should hold on average.
_MARGIN = 2.0


def page(
    connection: sa.Connection,
    words: Sequence[str],
    total: int,
    *,
    descending: bool,
    limit: int,
    offset: int,
    after: int | None,
) -> list[int]:
    """The numbers of the jobs of one page; `total` is how many jobs have these words."""
    found: list[int] = []
    # By an expression: going through all jobs in their order must not look cheap.
    order = sa.desc(TEXTS.c.seq + 0) if descending else sa.asc(TEXTS.c.seq + 0)
    query = job_text.having("postgresql", words).order_by(order).limit(offset + limit)
    for window in _windows(connection, total, offset + limit, descending, after):
        found = list(connection.scalars(query.where(*window)))
        if len(found) == offset + limit:
            break
    return found[offset:]


def _windows(
    connection: sa.Connection, total: int, needed: int, descending: bool, after: int | None
) -> Iterator[list[sa.ColumnElement[bool]]]:
    """Conditions for ever larger parts of the jobs, from where the page begins; at last for all."""
    seq: Any = TEXTS.c.seq
    begins = [] if after is None else [seq < after if descending else seq > after]
    if total > _FEW:
        first, last = connection.execute(sa.select(sa.func.min(seq), sa.func.max(seq))).one()
        size = int(_MARGIN * needed * (last - first + 1) / total)
        start = after if after is not None else last if descending else first
        for width in (size, 4 * size):
            if width < last - first:
                inside = seq >= start - width if descending else seq <= start + width
                yield [*begins, inside]
    yield begins
