"""Jobs: every run that was accepted, from its insertion to its deletion.

A job's document is kept in parts, because they change at different times. While it lives:
`doc` (set at launch, changes with the state), `live` (progress, status, cpu, mem: changes many
times a second), `results` (what the plugin reports), `activity`, `input`. When it is final:
`head` (what lists show), `heavy` (what they leave out), `timelines` and, where it is small, `log`;
these are JSON text (`log`: bytes) and go into replies without being parsed.
"""

from collections.abc import Mapping, Sequence
from typing import Any, cast

import sqlalchemy as sa
from sqlalchemy.orm import Mapped, mapped_column

from core import json
from models import job_term, job_text
from models.database import db
from models.job_size import JobSize, Size, bytes_of, size_of_row
from models.statements import KEY, is_write, new_values, select_by_id, update_by_id


def _live_index(name: str, *columns: str, where: str = "final = 0") -> sa.Index:
    """An index over some jobs only, mostly live ones: history then costs it nothing."""
    condition = sa.text(where)
    return sa.Index(name, *columns, sqlite_where=condition, postgresql_where=condition)


def _final_index(name: str, *columns: str) -> sa.Index:
    """An index over finished jobs only."""
    return _live_index(name, *columns, where="final = 1")


class Job(db.Model):  # type: ignore[misc, name-defined]
    """One job; columns hold what is filtered, sorted or compared, text holds the documents."""

    __tablename__ = "jobs"
    __table_args__ = (
        _live_index("ix_jobs_live_seq", "seq"),
        _live_index("ix_jobs_live_state", "state", "seq"),
        _live_index("ix_jobs_live_queue", "queue_key", "state", "rank", "seq"),
        _live_index("ix_jobs_live_event", "event", "state"),
        _live_index("ix_jobs_live_started", "started", "seq"),
        _live_index("ix_jobs_live_until", "until", where="final = 0 AND until IS NOT NULL"),
        _live_index("ix_jobs_live_due", "due", where="final = 0 AND due IS NOT NULL"),
        _live_index(
            "ix_jobs_live_asked",
            "seq",
            where="final = 0 AND (abort_reason IS NOT NULL OR resume IS NOT NULL)",
        ),
        _final_index("ix_jobs_final_seq", "seq"),
        _final_index("ix_jobs_final_started", "started", "seq"),
        _final_index("ix_jobs_final_completed", "completed", "seq"),
        _final_index("ix_jobs_final_elapsed", "elapsed", "seq"),
        sa.Index(
            "ix_jobs_unarchived",
            "seq",
            sqlite_where=sa.text("log_form = 'plain'"),
            postgresql_where=sa.text("log_form = 'plain'"),
        ),
    )

    seq: Mapped[int] = mapped_column(primary_key=True, autoincrement=True)
    id: Mapped[str] = mapped_column(sa.String(64), unique=True)
    event: Mapped[str] = mapped_column(sa.String(255))
    state: Mapped[str] = mapped_column(sa.String(16))
    #: 1 once the job is a record; a number, because partial indexes of all databases take one.
    final: Mapped[int] = mapped_column(sa.SmallInteger, default=0)
    #: Counts the changes; the id of a stream's events.
    revision: Mapped[int] = mapped_column(sa.Integer, default=1)
    #: Jobs with the same key share concurrency limits and a queue.
    queue_key: Mapped[str] = mapped_column(sa.String(255))
    #: 0 for priority jobs, 1 for all others: what the queue is sorted by.
    rank: Mapped[int] = mapped_column(sa.SmallInteger, default=1)
    server: Mapped[str | None] = mapped_column(sa.String(255))
    code: Mapped[str | None] = mapped_column(sa.String(255))
    started: Mapped[float] = mapped_column(sa.Float(53))
    completed: Mapped[float | None] = mapped_column(sa.Float(53))
    #: Seconds from start to end of a final job.
    elapsed: Mapped[float | None] = mapped_column(sa.Float(53))
    #: When a delayed job may go on, Unix seconds.
    until: Mapped[float | None] = mapped_column(sa.Float(53))
    #: When its next time limit fires, Unix seconds.
    due: Mapped[float | None] = mapped_column(sa.Float(53))
    #: What the caller of abort_job asked for: the reason.
    abort_reason: Mapped[str | None] = mapped_column(sa.Text)
    #: What the caller of resume_job asked for: JSON.
    resume: Mapped[str | None] = mapped_column(sa.Text)
    #: The launch that may report on this job; others are refused.
    launch: Mapped[str | None] = mapped_column(sa.String(64))
    #: How far the launch's messages were applied: segment and bytes within it.
    segment: Mapped[int] = mapped_column(sa.Integer, default=0)
    offset: Mapped[int] = mapped_column(sa.BigInteger, default=0)
    log_size: Mapped[int] = mapped_column(sa.BigInteger, default=0)
    #: Where a final job's log is: `none`, `row` (column `log`), `plain` or `gzip` (files).
    log_form: Mapped[str] = mapped_column(sa.String(8), default="none")
    #: What a final job takes: bytes in this row, and bytes of its log and output files on disk.
    record_bytes: Mapped[int] = mapped_column(sa.BigInteger, server_default="0")
    file_bytes: Mapped[int] = mapped_column(sa.BigInteger, server_default="0")
    live: Mapped[str | None] = mapped_column(sa.Text)
    doc: Mapped[str | None] = mapped_column(sa.Text)
    results: Mapped[str | None] = mapped_column(sa.Text)
    activity: Mapped[str | None] = mapped_column(sa.Text)
    input: Mapped[str | None] = mapped_column(sa.Text)
    head: Mapped[str | None] = mapped_column(sa.Text)
    heavy: Mapped[str | None] = mapped_column(sa.Text)
    log: Mapped[bytes | None] = mapped_column(sa.LargeBinary)
    #: What its processes used over time: JSON text of some MB, read only where it is shown.
    timelines: Mapped[str | None] = mapped_column(sa.Text)

    @classmethod
    def insert(cls, connection: sa.Connection, **values: Any) -> None:
        """Add a job."""
        connection.execute(_INSERT, values)

    @classmethod
    def load(cls, connection: sa.Connection, job_id: str, *names: str) -> "sa.Row[Any] | None":
        """The named columns of one job; where none is named all but its timelines.

        In a write nobody else can change the job from then on until the transaction ends.
        """
        query = select_by_id(TABLE, names or _NAMES, is_locking=is_write(connection))
        return connection.execute(query, {KEY: job_id}).first()

    @classmethod
    def lock(cls, connection: sa.Connection, job_id: str) -> None:
        """Keep others from changing a job until this transaction ends; SQLite does so anyway."""
        if connection.dialect.name == "postgresql":
            connection.execute(sa.select(cls.seq).where(cls.id == job_id).with_for_update())

    @classmethod
    def load_many(cls, connection: sa.Connection, ids: Sequence[str]) -> dict[str, "sa.Row[Any]"]:
        """These jobs without their timelines, by id; unknown ids are missing."""
        rows = connection.execute(_MANY, {"ids": list(ids)})
        return {row.id: row for row in rows}

    @classmethod
    def revisions(cls, connection: sa.Connection, ids: Sequence[str]) -> dict[str, int]:
        """The revisions of these jobs, by id; unknown ids are missing."""
        rows = connection.execute(_REVISIONS, {"ids": list(ids)})
        return {row.id: row.revision for row in rows}

    @classmethod
    def patch(
        cls,
        connection: sa.Connection,
        job_id: str,
        *,
        columns: Mapping[str, Any] | None = None,
        doc: Mapping[str, Any] | None = None,
        drop: Sequence[str] = (),
        live: Mapping[str, Any] | None = None,
        results: Mapping[str, Any] | None = None,
        activity: Sequence[Mapping[str, Any]] = (),
        states: Sequence[str] | None = None,
        known_results: Mapping[str, Any] | None = None,
    ) -> bool:
        """Change named keys of a live job; the only way that a live job's row changes.

        `doc`, `live` and `results` are merged key by key, `drop` names keys of `doc` to remove,
        `activity` is appended. False, and nothing changed, when the job is final or missing, or
        in none of `states`. `known_results` are those that were read in this transaction: large
        ones need not be read again.
        """
        merges = {"doc": doc, "live": live, "results": results}
        parts = [name for name, change in merges.items() if change or (name == "doc" and drop)]
        known = {} if known_results is None else {"results": known_results}
        unknown = [name for name in parts if name not in known]
        read = (*_GUARDS, *unknown, *(("activity",) if activity else ()))
        row = cls.load(connection, job_id, *read)
        if row is None or row.final:
            return False
        if states is not None and row.state not in states:
            return False
        values = {**(columns or {}), "revision": row.revision + 1}
        for name in parts:
            before = known.get(name) or json.loads(getattr(row, name, None) or "{}")
            merged = _merged(before, merges[name], drop if name == "doc" else ())
            values[name] = json.dumps(merged)
        if activity:
            values["activity"] = _appended(row.activity, activity)
        _update(connection, job_id, values)
        return True

    @classmethod
    def finalize(
        cls,
        connection: sa.Connection,
        row: Any,
        head: Mapping[str, Any],
        heavy: Mapping[str, Any],
        *,
        log_head: bytes = b"",
        file_bytes: int = 0,
        **values: Any,
    ) -> None:
        """Turn a live job into a record; its `row` was read as live in this transaction.

        `log_head` is the beginning of its log, as far as searches look at it; `file_bytes` is
        what it has on disk.
        """
        completed, elapsed = head["completed"], head.get("elapsed", 0.0)
        documents = {"head": json.dumps(head), "heavy": json.dumps(heavy)}
        state = {"final": 1, "state": "complete", "completed": completed, "elapsed": elapsed}
        texts = [*documents.values(), values.get("log"), values.get("timelines")]
        size = Size(bytes_of(*texts) + _timelines_chars(connection, row), file_bytes)
        sizes = {"record_bytes": size.records, "file_bytes": size.files}
        _update(connection, row.id, _EMPTIED | state | documents | sizes | values)
        job_term.change(connection, row.seq, completed, before=set(), after=job_term.terms_of(head))
        JobSize.add(connection, head, size)
        record, log = job_text.record_words(head), job_text.log_words(log_head)
        job_text.add(connection, row.seq, record, log)

    @classmethod
    def revise(
        cls,
        connection: sa.Connection,
        row: Any,
        head: Mapping[str, Any],
        heavy: Mapping[str, Any],
        *,
        freed_bytes: int = 0,
    ) -> None:
        """Store changed documents of a final job that was read in this transaction.

        `freed_bytes` is how much less it has on disk from now on.
        """
        values: dict[str, Any] = {"head": json.dumps(head), "heavy": json.dumps(heavy)}
        values |= {"revision": row.revision + 1, **_columns_of(head)}
        if "timelines" in heavy:
            # Somebody has replaced them.
            values["timelines"] = None
        grown = bytes_of(values["head"], values["heavy"]) - bytes_of(row.head, row.heavy)
        old = json.loads(row.head)
        before, after = job_term.terms_of(old), job_term.terms_of(head)
        completed = values.get("completed", row.completed)
        if completed != row.completed:
            # Each term has it.
            job_term.change(connection, row.seq, row.completed, before=before, after=set())
            before = set()
        job_term.change(connection, row.seq, completed, before=before, after=after)
        _resize(connection, row, (old, head), Size(grown, -freed_bytes), values)
        words = job_text.record_words(head)
        if words != job_text.record_words(old):
            job_text.replace_record(connection, row.seq, words)

    @classmethod
    def delete(cls, connection: sa.Connection, job_id: str) -> None:
        """Remove a job's row, and what searches find of it."""
        row = cls.load(connection, job_id, *_FOR_DELETION)
        if row is None:
            return
        connection.execute(sa.delete(TABLE).where(TABLE.c.id == job_id))
        if row.final:
            head = json.loads(row.head)
            before = job_term.terms_of(head)
            job_term.change(connection, row.seq, row.completed, before=before, after=set())
            job_text.remove(connection, row.seq)
            JobSize.add(connection, head, -size_of_row(row))

    @classmethod
    def unarchived(cls, connection: sa.Connection, limit: int) -> Sequence[str]:
        """The ids of the oldest jobs whose log is a plain file."""
        query = sa.select(cls.id).where(sa.text("log_form = 'plain'")).order_by(cls.seq)
        return connection.scalars(query.limit(limit)).all()

    @classmethod
    def note_archived(cls, connection: sa.Connection, job_id: str, archive_bytes: int) -> None:
        """Note that a final job's plain log is an archive of this size now."""
        row = cls.load(connection, job_id, *_FOR_DELETION, "id", "log_form", "log_size")
        if row is not None and row.log_form == "plain":
            size, head = Size(0, archive_bytes - row.log_size), json.loads(row.head)
            _resize(connection, row, (head, head), size, {"log_form": "gzip"})


TABLE = cast(sa.Table, Job.__table__)
_NAMES = tuple(column.name for column in TABLE.columns if column.name != "timelines")
#: All of a job but its timelines.
ALL_COLUMNS = sa.select(*(TABLE.c[name] for name in _NAMES))
_INSERT = sa.insert(TABLE)
_OF_THESE = TABLE.c.id.in_(sa.bindparam("ids", expanding=True))
_MANY = ALL_COLUMNS.where(_OF_THESE)
_REVISIONS = sa.select(TABLE.c.id, TABLE.c.revision).where(_OF_THESE)
#: More seconds than any job takes; databases keep no infinite ones.
_LARGEST_NUMBER = 1e12
#: What a patch has to look at before it changes anything.
_GUARDS = ("final", "state", "revision")
#: What says where a deleted job counts.
_FOR_DELETION = ("seq", "final", "completed", "head", "record_bytes", "file_bytes")
#: What a record has no use for.
_EMPTIED = dict.fromkeys(
    (
        *("live", "doc", "results", "activity", "input"),
        *("abort_reason", "resume", "due", "until"),
    )
)


def is_live() -> sa.ColumnElement[bool]:
    """The condition for live jobs, written as the partial indexes have it, or none would help."""
    return sa.literal_column("final") == sa.literal_column("0")


def is_final() -> sa.ColumnElement[bool]:
    """The condition for finished jobs, written as the partial indexes have it."""
    return sa.literal_column("jobs.final") == sa.literal_column("1")


def _update(connection: sa.Connection, job_id: str, values: dict[str, Any]) -> None:
    statement = update_by_id(TABLE, tuple(values))
    connection.execute(statement, {KEY: job_id, **new_values(values)})


def _timelines_chars(connection: sa.Connection, row: Any) -> int:
    """The length of the timelines that a job got before its end; few are still live then."""
    if row.state != "complete":
        return 0
    query = sa.select(sa.func.length(TABLE.c.timelines)).where(TABLE.c.id == row.id)
    return connection.scalar(query) or 0


def _columns_of(head: Mapping[str, Any]) -> dict[str, Any]:
    """The columns that a final job's document decides."""
    values: dict[str, Any] = {"code": str(head.get("code") or 0)[:255]}
    for name in ("started", "completed", "elapsed"):
        if type(head.get(name)) in (int, float):
            values[name] = max(-_LARGEST_NUMBER, min(float(head[name]), _LARGEST_NUMBER))
    for name in ("event", "server"):
        if isinstance(head.get(name), str) and "\0" not in head[name]:
            values[name] = head[name][:255]
    return values


def _resize(
    connection: sa.Connection,
    row: Any,
    heads: tuple[Mapping[str, Any], Mapping[str, Any]],
    change: Size,
    values: Mapping[str, Any],
) -> None:
    """Update a final job whose size changes with it; `heads`: its head before and after."""
    before = size_of_row(row)
    after = Size(before.records + change.records, before.files + change.files)
    sizes = {"record_bytes": after.records, "file_bytes": after.files}
    _update(connection, row.id, {**values, **sizes})
    JobSize.add(connection, heads[0], -before)
    JobSize.add(connection, heads[1], after)


def _merged(
    before: Mapping[str, Any], changes: Mapping[str, Any] | None, drop: Sequence[str]
) -> dict[str, Any]:
    document = {**before, **(changes or {})}
    for key in drop:
        document.pop(key, None)
    return document


def _appended(text: str | None, rows: Sequence[Mapping[str, Any]]) -> str:
    """The JSON array `text` with `rows` at its end, without parsing what is there."""
    added = json.dumps(list(rows))
    return added if text in (None, "", "[]") else f"{text[:-1]},{added[1:]}"
