"""Fills a database with finished jobs, through the models that index real ones.

A program of its own, `python -m bench.history_filling JOBS`, because it loads the application:
its settings come from the environment as a server's do.
"""

import random
import sys
import time
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import accumulate
from typing import Any

import sqlalchemy as sa

from app import create_app
from core import json
from core.ids import base36
from models import job_term, job_text
from models.database import close_database, db
from models.job import TABLE
from models.job_size import JobSize, Size, bytes_of
from services import job_views

EVENTS = 200
RARE_TAG = "rare"
#: One job of so many has the rare tag.
RARE_EVERY = 10_000
WORDS = 20_000
_BATCH = 2_000
#: Words of a log, about a KiB.
_LOG_WORDS = 160
_SECONDS_BETWEEN = 30.0
_POOL = 1_000_000

Document = dict[str, Any]


def word(rank: int) -> str:
    """The word that is the `rank`th most frequent one in logs."""
    return "w" + base36(rank * 7919 + 100_000)


@dataclass(frozen=True)
class _Finished:
    """A finished job that is to be written."""

    seq: int
    record: Document
    log: bytes

    @property
    def row(self) -> Document:
        """Its row, as the engine leaves it behind."""
        head, heavy = job_views.split_record(self.record)
        columns = ("id", "event", "state", "server", "started", "completed", "elapsed")
        return {name: self.record[name] for name in columns} | {
            "seq": self.seq,
            "final": 1,
            "revision": 9,
            "queue_key": f"{self.record['event']}--",
            "code": str(self.record["code"]),
            "log_size": len(self.log),
            "log_form": "row",
            "log": self.log,
            "head": json.dumps(head),
            "heavy": json.dumps(heavy),
            "record_bytes": bytes_of(json.dumps(head), json.dumps(heavy), self.log),
        }


class _Maker:
    """Makes jobs; the same ones in each run, but for the time."""

    def __init__(self, jobs: int) -> None:
        self._random = random.Random(1)  # noqa: S311 - no secrets
        self._begin = time.time() - (jobs + 1) * _SECONDS_BETWEEN
        self._event_weights = list(accumulate(1 / rank for rank in range(1, EVENTS + 1)))
        words = [word(rank) for rank in range(1, WORDS + 1)]
        weights = list(accumulate(1 / rank for rank in range(1, WORDS + 1)))
        # Words as frequent as in a language; to draw each anew takes most of the time.
        self._pool = self._random.choices(words, cum_weights=weights, k=_POOL)

    def job(self, seq: int) -> _Finished:
        """The job with this number."""
        log = self._log()
        return _Finished(seq, self._record(seq, len(log)), log)

    def _log(self) -> bytes:
        start = self._random.randrange(_POOL - _LOG_WORDS)
        words = self._pool[start : start + _LOG_WORDS]
        lines = (" ".join(words[at : at + 10]) for at in range(0, _LOG_WORDS, 10))
        return ("\n".join(lines) + "\n").encode()

    def _record(self, seq: int, log_size: int) -> Document:
        started = self._begin + seq * _SECONDS_BETWEEN
        elapsed = round(self._random.lognormvariate(3, 1), 3)
        event = self._random.choices(range(EVENTS), cum_weights=self._event_weights)[0]
        code: int | str = self._random.choices((0, 1, "abort"), (95, 4, 1))[0]
        tags = [f"team{event % 20}", "_success" if code == 0 else "_error"]
        if seq % RARE_EVERY == 0:
            tags.append(RARE_TAG)
        return {
            "id": _job_id(started, seq),
            "event": f"event{event}",
            "event_title": f"Event number {event}",
            "category": f"category{event % 10}",
            "plugin": "shellplug",
            "params": {"script": "#!/bin/sh\nrun-the-report --all\n"},
            "targets": ["main"],
            "algo": "random",
            "server": "localhost",
            "groups": ["main"],
            "source": self._random.choice(("scheduler", "key", "user")),
            "tags": tags,
            "code": code,
            "description": "" if code == 0 else "Child exited with code: 1",
            "state": "complete",
            "complete": True,
            "final": True,
            "started": started,
            "completed": started + elapsed,
            "elapsed": elapsed,
            "log_file_size": log_size,
            "progress": 1,
            "limits": [],
            "actions": [],
            "activity": [{"epoch": started, "msg": "Job is starting", "id": "start"}],
        }


def _job_id(started: float, seq: int) -> str:
    """An id as jobs of that time have it."""
    return f"j{base36(int(started * 1000))}{base36(seq):0>7}"


def _write(connection: sa.Connection, jobs: Sequence[_Finished]) -> None:
    """Insert jobs and what searches need of them, in few statements."""
    rows = [job.row for job in jobs]
    connection.execute(sa.insert(TABLE), rows)
    for row, job in zip(rows, jobs, strict=True):
        JobSize.add(connection, job.record, Size(row["record_bytes"], 0))
    terms, counts = [], Counter[job_term.Term]()
    for job in jobs:
        own = job_term.terms_of(job.record)
        counts.update(own)
        places = {"seq": job.seq, "completed": job.record["completed"]}
        terms += [{"field": field, "word": text} | places for field, text in own]
    # In the order of the index, whose pages are so written once each.
    terms.sort(key=lambda term: (term["field"], term["word"], term["seq"]))
    connection.execute(sa.insert(job_term.TERMS), terms)
    job_term.add_counts(connection, counts)
    for job in jobs:
        record, log = job_text.record_words(job.record), job_text.log_words(job.log)
        job_text.add(connection, job.seq, record, log)


def main() -> None:
    """Write as many jobs as the first argument says into the configured database."""
    amount = int(sys.argv[1])
    maker = _Maker(amount)
    app = create_app()
    with app.app_context():
        for first in range(1, amount + 1, _BATCH):
            jobs = [maker.job(seq) for seq in range(first, min(first + _BATCH, amount + 1))]
            db.write(lambda connection, jobs=jobs: _write(connection, jobs))  # type: ignore[misc]
        _tidy()
        close_database()


def _tidy() -> None:
    """Leave the database as it is after weeks, not as it is amid many writes."""
    with db.engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
        if connection.dialect.name == "sqlite":
            connection.exec_driver_sql("PRAGMA wal_checkpoint(TRUNCATE)")
        else:
            # What autovacuum does sooner or later.
            connection.exec_driver_sql("VACUUM ANALYZE")
            connection.exec_driver_sql("SELECT setval('jobs_seq_seq', (SELECT max(seq) FROM jobs))")


if __name__ == "__main__":
    main()
