"""One transaction of the engine, and the runs that the engine watches."""

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

import sqlalchemy as sa

from core.config import Settings
from models.document import Document, DocumentTable
from models.statements import savepoint

#: What one write of a run's news costs of its time, seconds.
_WRITE_SECONDS = 0.125


@dataclass(frozen=True)
class Claimed:
    """An errand that has to be done once the transaction that claims it is committed."""

    id: str
    job: str
    #: What it goes to, such as one web hook: a receiver that hangs holds up its own errands only.
    receiver: str


@dataclass
class Turn:
    """A transaction under way: nothing outside the database may happen before its commit."""

    connection: sa.Connection
    settings: Settings
    #: What to do once the transaction is committed, in this order.
    after: list[Callable[[], None]] = field(default_factory=list)
    #: Errands to be done then.
    claimed: list[Claimed] = field(default_factory=list)
    #: Runs, job and launch, whose folders are to be deleted then.
    over: list[tuple[str, str]] = field(default_factory=list)
    #: Jobs that left no record: what they have on disk is to be deleted then.
    deleted: list[str] = field(default_factory=list)
    #: What happened to jobs of which events, for statistics.
    tallied: list[tuple[str, str]] = field(default_factory=list)
    _definitions: dict[Any, Any] = field(default_factory=dict)

    def _effects(self) -> Sequence[list[Any]]:
        return self.after, self.claimed, self.over, self.deleted, self.tallied

    @contextmanager
    def step(self) -> Iterator[None]:
        """A savepoint: where an exception leaves it, nothing of it happens afterwards either."""
        kept = [(effects, len(effects)) for effects in self._effects()]
        try:
            with savepoint(self.connection):
                yield
        except BaseException:
            for effects, length in kept:
                del effects[length:]
            raise

    def definition(self, table: type[DocumentTable], key: str) -> Document | None:
        """An event, plugin …; read once per transaction. Nobody may change what this returns."""
        if (table, key) not in self._definitions:
            self._definitions[table, key] = table.get(self.connection, key)
        found: Document | None = self._definitions[table, key]
        return found

    def replace(self, table: type[DocumentTable], document: Document) -> None:
        """Store a changed definition; who reads it later in this transaction sees it."""
        table.replace(self.connection, document)
        for read in ((table, document["id"]), table):
            self._definitions.pop(read, None)

    def definitions(self, table: type[DocumentTable]) -> list[Document]:
        """All servers, tags …; read once per transaction."""
        if table not in self._definitions:
            self._definitions[table] = table.all(self.connection)
        found: list[Document] = self._definitions[table]
        return found


@dataclass
class Run:
    """One launch that is under way: what the launcher told of it since the last transaction.

    Nothing here is needed again after a crash: it is read anew from database and run directory.
    """

    job: str
    launch: str
    segment: int = 0
    offset: int = 0
    log_size: int = 0
    #: The launcher reported growth that has not been looked at.
    touched: bool = True
    #: The exit record is on disk.
    ended: bool = False
    #: What the launcher said of its end; the record on disk is worth more, but may be gone.
    exit_record: dict[str, Any] | None = None
    #: Its end is being worked on outside the loop.
    closing: bool = False
    #: `{pid, at}` of a start that has not been recorded.
    spawned: dict[str, Any] | None = None
    #: The last measurement that has not been recorded.
    sample: dict[str, Any] | None = None
    #: Its job was aborted before the launcher knew of it.
    cancelled: bool = False
    #: Up to when its writes are paid for, by the monotonic clock.
    paid_until: float = 0.0
    #: Not to be tried again before this, by the monotonic clock, after a defect.
    retry_at: float = 0.0

    @property
    def next_write(self) -> float:
        """When it may be written again: eight times a second, and twice in a row after a pause.

        So what comes right after a sample need not wait, and no second has more than ten. An
        end never waits.
        """
        return self.retry_at if self.ended else max(self.retry_at, self.paid_until - _WRITE_SECONDS)

    def pay(self, now: float) -> None:
        """Note a write."""
        self.paid_until = max(self.paid_until, now) + _WRITE_SECONDS
