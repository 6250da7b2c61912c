"""What is too old or too much goes, all of it, in steps that nobody notices; the rest stays."""

import signal
import sqlite3
import subprocess
import sys
import time
from itertools import count
from types import SimpleNamespace

import pytest
import sqlalchemy as sa

from core import blobs, clock
from core.errors import BadRequest
from engine import retention
from engine.sweep import Sweep
from models import database, job_term, job_text
from models.category import Category
from models.database import db
from models.file_use import FileUse
from models.job import TABLE, Job
from models.job_size import JobSize, Size
from models.statistic import Statistic
from models.stored_file import StoredFile
from models.transaction import Keyword, Transaction
from schemas.catalogue import check_retention
from services import audit, job_files, job_removal, job_views
from services import retention as rules
from tests import factories
from tests.databases import ROOT
from tests.factories import ADMIN

sqlite_only = pytest.mark.databases("sqlite")


def keep(app, **limits):
    for name in ("JOBS", "SECONDS", "BYTES"):
        app.config[f"RETENTION_{name}"] = limits.get(name.lower(), 0)


def keep_of_category(category, **rule):
    document = {"id": category, "title": category, "retention": rule}
    db.write(lambda connection: Category.insert(connection, document))


def finished(seconds_ago=0.0, category="general", size=0):
    """The id of a finished job."""
    job = factories.add_job(category=category)
    factories.finish_job(job, completed=clock.now() - seconds_ago, data={"x": "x" * size})
    return job


def tidy(app):
    retention.tidy(app.config, time.monotonic() + 20, lambda _seconds: False)


def there(jobs):
    """The names of those of these jobs that are still there."""
    return {name for name, job in jobs.items() if factories.load(job) is not None}


@sqlite_only
@pytest.mark.parametrize(
    ("everywhere", "in_nightly", "kept"),
    [
        ({}, None, {"old", "big", "night", "new"}),
        ({"jobs": 2}, None, {"night", "new"}),
        ({"jobs": 4}, None, {"old", "big", "night", "new"}),
        ({"seconds": 45}, None, {"big", "night", "new"}),
        ({"seconds": 5, "jobs": 3}, None, {"new"}),
        ({}, {"seconds": 15}, {"old", "big", "new"}),
        ({}, {"jobs": 1}, {"old", "big", "night", "new"}),
        ({}, {"bytes": 1}, {"old", "big", "new"}),
        ({"jobs": 3}, {"bytes": 1}, {"big", "new"}),
    ],
)
def test_the_oldest_jobs_go_by_number_by_age_and_by_size(app, everywhere, in_nightly, kept):
    keep(app, **everywhere)
    keep_of_category("nightly", **(in_nightly or {}))
    jobs = {
        "old": finished(50),
        "big": finished(40, size=100_000),
        "night": finished(20, "nightly"),
        "new": finished(0),
    }
    live = factories.add_job(category="nightly")
    tidy(app)
    assert there(jobs) == kept
    assert factories.load(live) is not None


@sqlite_only
def test_the_size_of_all_is_what_is_used_of_the_database_and_files(app, monkeypatch):
    jobs = {name: finished(ago, size=300_000) for name, ago in (("old", 9), ("mid", 5), ("new", 1))}
    used = db.read(database.used_bytes)
    assert used > 900_000
    files = {"files": 1000}
    db.write(lambda c: JobSize.add(c, {"category": "general"}, Size(0, files["files"])))
    keep(app, bytes=used + 999)
    tidy(app)
    # Pages are free now and count no more, though the file is as large as before.
    assert there(jobs) == {"mid", "new"}
    assert db.read(database.used_bytes) < used - 250_000
    keep(app, bytes=db.read(database.used_bytes) + 1000)
    tidy(app)
    assert there(jobs) == {"mid", "new"}


def test_nothing_of_a_removed_job_stays_anywhere(app):
    keep(app, jobs=1)
    instance = app.config["INSTANCE_PATH"]
    job = factories.add_job(label="unheardof", tags=["flag"])
    seq = factories.load(job).seq
    db.write(lambda c: StoredFile.insert(c, path="p1", owner="ann", size=1, doc="{}"))
    db.write(lambda c: StoredFile.insert(c, path="p2", owner="ann", size=1, doc="{}"))
    other = finished(5)
    files = db.read(lambda c: StoredFile.hold(c, ["p1", "p2"]))
    db.write(lambda c: FileUse.insert(c, job, files.values()))
    db.write(lambda c: FileUse.insert(c, other, [files["p2"]]))
    factories.finish_job(job, completed=clock.now() - 10, log=b"unseen words")
    blobs.log_path(instance, job).parent.mkdir(parents=True)
    blobs.log_path(instance, job).write_bytes(b"x")
    assert mentions(job, seq) == {"jobs", "job_terms", "job_texts", "file_uses"}
    tidy(app)
    assert mentions(job, seq) == set()
    for word in ("unheardof", "unseen"):
        assert db.read(lambda c, word=word: job_text.count(c, [word])) == 0
    assert db.read(lambda c: StoredFile.known(c, ["p1", "p2"])) == {"p2"}
    assert not blobs.log_path(instance, job).exists()
    assert db.read(lambda c: job_term.JobCount.of(c, job_term.Field.EVERY, [""])) == {"": 1}
    assert sizes() == sizes_of_rows()


def mentions(job, seq):
    """The tables in which a job's id or number stands."""
    found = set()
    for table in db.metadata.sorted_tables:
        by_id = [c for c in table.c if c.name in ("id", "job") and isinstance(c.type, sa.String)]
        by_seq = [c for c in table.c if c.name == "seq" and table.name.startswith("job")]
        conditions = [column == job for column in by_id] + [column == seq for column in by_seq]
        is_it = sa.or_(sa.false(), *conditions)
        query = sa.select(sa.func.count()).select_from(table).where(is_it)
        if db.read(lambda c, query=query: c.scalar(query)):
            found.add(table.name)
    return found


def sizes():
    return db.read(JobSize.of)


def sizes_of_rows():
    total = [sa.func.coalesce(sa.func.sum(TABLE.c[n]), 0) for n in ("record_bytes", "file_bytes")]
    return Size(*db.read(lambda c: c.execute(sa.select(*total).where(TABLE.c.final == 1)).one()))


@sqlite_only
def test_sizes_stay_true_whatever_changes(app):
    job = factories.add_job()
    name = f"files/jobs/{job}/x/a"
    file = {"path": name, "size": 70, "filename": "a"}
    values = {"log_form": "plain", "log_size": 5000, "files": [file, {"path": "p"}, {"size": 1}]}
    assert [job_files.own_bytes(job, entry) for entry in values["files"]] == [70, 0, 0]
    db.write(lambda c: finish_with_files(c, job, values["files"]))
    assert sizes() == sizes_of_rows()
    assert sizes().files == 5070
    db.write(lambda c: Job.note_archived(c, job, 1200))
    db.write(lambda c: Job.note_archived(c, job, 1200))
    assert (sizes(), sizes().files) == (sizes_of_rows(), 1270)
    app.config["INSTANCE_PATH"].mkdir(exist_ok=True)
    job_files.delete(job, name, ADMIN)
    assert (sizes(), sizes().files) == (sizes_of_rows(), 1200)
    row = factories.load(job)
    record = job_views.record_of(row) | {"category": "other", "data": {"long": "x" * 500}}
    db.write(lambda c: Job.revise(c, row, *job_views.split_record(record)))
    assert sizes() == sizes_of_rows() == db.read(lambda c: JobSize.of(c, "other"))
    assert db.read(lambda c: JobSize.of(c, "general")) == Size(0, 0)
    job_removal.remove_all([job])
    assert sizes() == Size(0, 0)


@sqlite_only
def test_all_go_whatever_their_order_and_however_many_fit_a_transaction(app, monkeypatch):
    monkeypatch.setattr(job_removal, "LONGEST_SECONDS", 0.0)
    app.config["INSTANCE_PATH"].mkdir(exist_ok=True)
    jobs = [finished() for _ in range(5)]
    job_removal.remove_all([jobs[place] for place in (3, 0, 4, 2, 1)])
    assert [factories.load(job) for job in jobs] == [None] * 5


def finish_with_files(connection, job, files):
    factories.finish_in(connection, job, files=files)
    changes = {"log_form": "plain", "log_size": 5000, "file_bytes": 5070}
    connection.execute(TABLE.update().where(TABLE.c.id == job).values(changes))
    JobSize.add(connection, {"category": "general"}, Size(0, 5070))


@sqlite_only
def test_others_can_write_while_many_jobs_are_removed(app, monkeypatch):
    """A transaction ends after 10 ms, and each job takes 4 here; in between the lock is free."""
    moments = count(step=0.004)
    monkeypatch.setattr(job_removal, "time", SimpleNamespace(monotonic=lambda: next(moments)))
    db.write(lambda c: [factories.finish_in(c, factories.stored_job(c)) for _ in range(100)])
    keep(app, jobs=1)
    rests = []
    other = sqlite3.connect(db.engine.url.database, isolation_level=None, timeout=0)

    def rest(seconds):
        other.execute("BEGIN IMMEDIATE")
        other.execute("ROLLBACK")
        rests.append(seconds)
        return False

    retention.tidy(app.config, time.monotonic() + 60, rest)
    other.close()
    assert db.read(lambda c: c.scalar(sa.select(sa.func.count()).select_from(TABLE))) == 1
    assert len(rests) == 33
    assert min(rests) > 0


KILLED = """
import os, sys
from pathlib import Path
from app import create_app
from core import blobs
from engine import retention

app = create_app({"INSTANCE_PATH": Path(sys.argv[1])})
blobs.delete_job_blobs = lambda *_: os.kill(os.getpid(), 9)
with app.app_context():
    retention.remove_jobs(dict(app.config) | {"RETENTION_SECONDS": 1})
"""


@sqlite_only
def test_files_of_a_removed_job_go_though_the_engine_is_killed_before_it_deletes_them(app):
    instance = app.config["INSTANCE_PATH"]
    job = finished(100)
    left = [blobs.log_path(instance, job), instance / "files" / "jobs" / job / "secret" / "a.txt"]
    for path in left:
        path.parent.mkdir(parents=True)
        path.write_bytes(b"x")
    command = [sys.executable, "-c", KILLED, str(instance)]
    assert subprocess.run(command, cwd=ROOT, check=False).returncode == -signal.SIGKILL
    assert factories.load(job) is None
    assert all(path.exists() for path in left)
    for path in instance.rglob("*"):
        factories.make_old(path)
    for _ in Sweep(instance)._round():
        pass
    assert not any(path.exists() for path in left)


@sqlite_only
def test_the_log_of_changes_keeps_the_newest(app):
    app.config["RETENTION_ACTIVITIES"] = 3
    for number in range(5):
        db.write(lambda c, n=number: audit.record(c, ADMIN, "test", str(n), [f"k{n}"]))
    tidy(app)
    records = db.read(lambda c: c.scalars(sa.select(Transaction.seq)).all())
    assert records == [3, 4, 5]
    words = db.read(lambda c: set(c.scalars(sa.select(Keyword.keyword))))
    assert {"k2", "k3", "k4"} <= words
    assert not {"k0", "k1"} & words


@sqlite_only
def test_the_database_gives_back_what_it_does_not_use(app, monkeypatch):
    monkeypatch.setattr(database, "_MOST_FREE_PAGES", 50)
    db.write(
        lambda c: Statistic.add(c, {("day", 1, "x" * 200, f"job_{n}"): 1 for n in range(5000)})
    )
    before = db.read(database._pages)
    tidy(app)
    pages, free = db.read(database._pages)
    assert pages < before[0] * 0.7
    assert free <= max(50, pages * 0.25)


@pytest.mark.parametrize(
    ("value", "text"),
    [
        ([], "must be an object"),
        ({"days": 3}, "unknown: days"),
        ({"jobs": -1}, "retention.jobs"),
        ({"seconds": 1.5}, "retention.seconds"),
        ({"bytes": True}, "retention.bytes"),
        ({"bytes": 2**60}, "retention.bytes"),
    ],
)
def test_what_makes_no_sense_is_refused(value, text):
    with pytest.raises(BadRequest, match=text):
        check_retention({"retention": value})


@sqlite_only
def test_a_category_without_a_rule_of_its_own_has_none(app):
    found = db.read(lambda c: rules.rules(c, app.config))
    assert found == [rules.Rule(jobs=100_000)]
