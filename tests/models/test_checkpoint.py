"""Checkpoints of SQLite's write-ahead log: it begins anew, and nobody waits for that."""

import sqlite3
import time
from pathlib import Path

import pytest

from models import database
from models.database import db
from tests import factories

pytestmark = pytest.mark.databases("sqlite")


def wal_bytes():
    return Path(f"{db.engine.url.database}-wal").stat().st_size


def test_a_log_that_was_copied_begins_anew(app):
    for _ in range(20):
        factories.add_job()
    before = wal_bytes()
    for _ in range(20):
        db.read(database.checkpoint)
        factories.add_job()
    assert wal_bytes() == before


def test_who_writes_meanwhile_is_not_waited_for(app):
    with sqlite3.connect(db.engine.url.database, isolation_level=None) as other:
        other.execute("BEGIN IMMEDIATE")
        started = time.monotonic()
        db.read(database.checkpoint)
        assert time.monotonic() - started < 5
        other.execute("COMMIT")
    other.close()
    assert db.read(lambda c: c.exec_driver_sql("PRAGMA busy_timeout").scalar_one()) == 15_000
