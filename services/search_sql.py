"""Searches as SQL: from what a query means to the numbers of the jobs that it finds.

A query is a list of conditions that all hold. Where one of them is a word, the jobs are read from
that word's terms, the rarest word's first, which lie there in the order of launch and of end; the
other conditions are looked up for each. What is left is read from the jobs themselves.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import sqlalchemy as sa

from core.words import phrase_of
from models import job_text
from models.job import TABLE, is_final
from models.job_term import SINGLE, TERMS, Field, JobCount
from schemas.search_query import All, AnyOf, Node, Not, Range, Text, Word
from services import search_windows

#: Up to so many jobs are found first and sorted then; of more, the first are looked for in order.
_MOST_SORTED = 20_000
#: What a search may be sorted by, and the column of it.
SORTERS = {"_id": "seq", "completed": "completed", "elapsed": "elapsed"}


@dataclass(frozen=True)
class Page:
    """Which part of the found jobs, and in what order."""

    sort_by: str
    descending: bool
    limit: int
    offset: int = 0
    #: The sort key and the number of the job before the first one.
    after: tuple[float, int] | None = None


@dataclass(frozen=True)
class _Source:
    """Where jobs are read from, with the columns that conditions need."""

    table: Any
    seq: Any
    completed: Any
    base: Sequence[sa.ColumnElement[bool]]
    #: The condition that holds for all of these jobs.
    driver: Node | None = None


@dataclass
class Search:
    """One query over one connection; the counts of its words are read once."""

    connection: sa.Connection
    query: Node
    _counts: dict[Word, int] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self._conditions = _flattened(self.query)
        self._count_words()

    def total(self) -> int:
        """How many jobs there are in all; counted only where the counts of words don't tell."""
        if self._text is not None:
            return job_text.count(self.connection, self._text.words)
        known = self._known_total()
        if known is not None:
            return known
        source = self._source(self._driver())
        query = sa.select(sa.func.count()).select_from(source.table)
        return self.connection.scalar(query.where(*self._where(source))) or 0

    def page(self, page: Page, total: int) -> Sequence[tuple[float, int]]:
        """Sort keys and numbers of the jobs of one page; `total` is how many there are in all."""
        column = SORTERS[page.sort_by]
        if self._text is not None and column == "seq" and self._is_postgresql:
            return [(seq, seq) for seq in self._text_page(self._text, page, total)]
        driver = self._driver()
        in_order = isinstance(driver, Word) and column != "elapsed"
        source = self._source(driver if in_order or total <= _MOST_SORTED else None)
        where = self._where(source)
        if column == "elapsed" and source is not _JOBS:
            numbers = sa.select(source.seq).select_from(source.table).where(*where)
            source, where = _JOBS, [is_final(), TABLE.c.seq.in_(numbers)]
        key = TABLE.c.elapsed if column == "elapsed" else getattr(source, column)
        query = sa.select(key, source.seq).select_from(source.table).where(*where)
        query = _in_order(query, key, source.seq, page)
        return [(row[0], row[1]) for row in self.connection.execute(query)]

    def _text_page(self, text: Text, page: Page, total: int) -> Sequence[int]:
        return search_windows.page(
            self.connection,
            text.words,
            total,
            descending=page.descending,
            limit=page.limit,
            offset=page.offset,
            after=None if page.after is None else page.after[1],
        )

    @property
    def _text(self) -> Text | None:
        """The text that is all that is searched for."""
        texts = [item for item in self._conditions if isinstance(item, Text)]
        return texts[0] if len(self._conditions) == len(texts) == 1 else None

    @property
    def _is_postgresql(self) -> bool:
        return self.connection.dialect.name == "postgresql"

    def _known_total(self) -> int | None:
        """The total, where it follows from the counts of words."""
        every = self._counts[_EVERY]
        if not self._conditions:
            return every
        if any(self._counts.get(item) == 0 for item in self._conditions if isinstance(item, Word)):
            return 0
        if len(self._conditions) > 1:
            return None
        (item,) = self._conditions
        if isinstance(item, Not):
            excluded = self._sum(item.item)
            return None if excluded is None else every - excluded
        return self._sum(item)

    def _sum(self, node: Node) -> int | None:
        """How many jobs have a word, or any of several of which each job has at most one."""
        words = _alternatives(node)
        fields = {_field(word) for word in words}
        is_exact = len(words) == 1 or (len(fields) == 1 and fields <= SINGLE)
        return sum(self._counts[word] for word in words) if is_exact else None

    def _driver(self) -> Node | None:
        """The condition by words that the fewest jobs meet."""
        by_words = [item for item in self._conditions if _alternatives(item)]
        return min(by_words, key=self._most, default=None)

    def _most(self, node: Node) -> int:
        """As many jobs as meet a condition by words at most."""
        return sum(self._counts[word] for word in _alternatives(node))

    def _source(self, driver: Node | None) -> _Source:
        """Where to read jobs from so that the condition `driver` holds for all of them."""
        if driver is None:
            return _JOBS
        terms = TERMS.alias("driver")
        holds = _is_any(terms, _alternatives(driver))
        if isinstance(driver, Word):
            return _Source(terms, terms.c.seq, terms.c.completed, [holds], driver)
        # A job may have several of the words.
        jobs = sa.select(terms.c.seq, terms.c.completed).where(holds).distinct().subquery()
        return _Source(jobs, jobs.c.seq, jobs.c.completed, [], driver)

    def _where(self, source: _Source) -> list[sa.ColumnElement[bool]]:
        rest = [item for item in self._conditions if item is not source.driver]
        return [*source.base, *(self._holds(item, source) for item in rest)]

    def _holds(self, node: Node, source: _Source) -> sa.ColumnElement[bool]:
        """The condition for the jobs of `source`."""
        match node:
            case Word():
                return _has([node], source)
            case Text():
                dialect = self.connection.dialect.name
                return source.seq.in_(job_text.having(dialect, node.words))  # type: ignore[no-any-return]
            case Range():
                return _within(node, source)
            case Not():
                return sa.not_(self._holds(node.item, source))
            case All():
                return sa.and_(sa.true(), *(self._holds(item, source) for item in node.items))
        return self._any_holds(node, source)

    def _any_holds(self, node: AnyOf, source: _Source) -> sa.ColumnElement[bool]:
        """Any of several; words are looked up together."""
        words = [item for item in node.items if isinstance(item, Word)]
        others = [item for item in node.items if not isinstance(item, Word)]
        conditions = [self._holds(item, source) for item in others]
        return sa.or_(sa.false(), *([_has(words, source)] if words else []), *conditions)

    def _count_words(self) -> None:
        """Read how many jobs have each word that the total or the driver may depend on."""
        words = {_EVERY}
        for item in self._conditions:
            words.update(_alternatives(item.item if isinstance(item, Not) else item))
        for number in {_field(word) for word in words}:
            ours = {_term(word): word for word in words if _field(word) == number}
            found = JobCount.of(self.connection, number, ours)
            self._counts |= {word: found.get(term, 0) for term, word in ours.items()}


_JOBS = _Source(TABLE, TABLE.c.seq, TABLE.c.completed, (is_final(),))
_EVERY = Word("every", ())


def _flattened(node: Node) -> list[Node]:
    """The conditions that all have to hold."""
    if not isinstance(node, All):
        return [node]
    return [inner for item in node.items for inner in _flattened(item)]


def _alternatives(node: Node) -> Sequence[Word]:
    """The words of a condition that holds for jobs with any of them; none for any other."""
    items = node.items if isinstance(node, AnyOf) else (node,)
    words = [item for item in items if isinstance(item, Word)]
    # One that is named twice counts once.
    distinct = {(_field(word), _term(word)): word for word in words}
    return list(distinct.values()) if len(words) == len(items) else ()


def _field(word: Word) -> Field:
    return Field[word.field.upper()]


def _term(word: Word) -> str:
    return phrase_of(list(word.words))


def _is_any(terms: Any, words: Sequence[Word]) -> sa.ColumnElement[bool]:
    """Whether a row of `terms` is one of these words."""
    by_field: dict[Field, list[str]] = {}
    for word in words:
        by_field.setdefault(_field(word), []).append(_term(word))
    return sa.or_(
        *(
            sa.and_(terms.c.field == number, terms.c.word.in_(texts))
            for number, texts in by_field.items()
        )
    )


def _has(words: Sequence[Word], source: _Source) -> sa.ColumnElement[bool]:
    """Whether a job has any of these words."""
    terms = TERMS.alias()
    return sa.exists().where(_is_any(terms, words), terms.c.seq == source.seq)


def _within(node: Range, source: _Source) -> sa.ColumnElement[bool]:
    if node.field == "completed":
        return _between(source.completed, node)
    column = TABLE.c[node.field]
    if source.table is TABLE:
        return _between(column, node)
    return sa.exists().where(TABLE.c.seq == source.seq, _between(column, node))


def _between(column: Any, node: Range) -> sa.ColumnElement[bool]:
    bounds = [sa.true()]
    if node.low is not None:
        bounds.append(column >= node.low)
    if node.high is not None:
        bounds.append(column < node.high)
    return sa.and_(*bounds)


def _in_order(query: sa.Select[Any], key: Any, seq: Any, page: Page) -> sa.Select[Any]:
    """The query's rows from where the page begins; jobs with equal keys by their numbers."""
    if page.after is not None:
        place = sa.tuple_(*((key,) if key is not seq else ()), seq)
        last = sa.tuple_(*(page.after if key is not seq else page.after[1:]))
        query = query.where(place < last if page.descending else place > last)
    columns = [seq] if key is seq else [key, seq]
    ordered = [column.desc() if page.descending else column.asc() for column in columns]
    return query.order_by(*ordered).limit(page.limit).offset(page.offset or None)
