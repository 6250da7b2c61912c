"""What is over is deleted, and what a crash left behind; what somebody needs stays."""

import json
import os
import time
from io import BytesIO
from pathlib import Path

import pytest

from core import blobs, clock, stored_files
from engine import ending, sweep
from engine.sweep import Sweep
from engine.turn import Turn
from models.database import db
from models.job import Job
from models.stored_file import StoredFile
from services import files
from tests import factories
from tests.factories import ADMIN


class Upload:
    """A file of a request."""

    def __init__(self, filename, data):
        self.filename, self.stream = filename, BytesIO(data)


@pytest.fixture
def instance(app):
    return app.config["INSTANCE_PATH"]


def upload():
    (file,) = files.store_uploads([Upload("a.txt", b"12345")], ADMIN)
    return file


def job_with(file):
    job = factories.add_job(job_input={"files": [file]})
    db.write(lambda connection: files.attach(connection, job, {"files": [file]}))
    return job


def is_there(instance, file):
    on_disk = stored_files.file_size(instance, file["path"]) is not None
    in_database = db.read(lambda c: StoredFile.known(c, [file["path"]])) != set()
    assert on_disk == in_database
    return on_disk


def later(monkeypatch, seconds):
    monkeypatch.setattr(clock, "now", lambda: time.time() + seconds)


def test_an_upload_is_deleted_when_its_time_is_over(instance, monkeypatch):
    file = upload()
    later(monkeypatch, 30 * 86400 - 60)
    sweep.expire(instance)
    assert is_there(instance, file)
    later(monkeypatch, 30 * 86400 + 60)
    sweep.expire(instance)
    assert not is_there(instance, file)


def test_an_upload_stays_as_long_as_a_live_job_needs_it(instance, monkeypatch):
    file, unneeded = upload(), upload()
    job = job_with(file)
    later(monkeypatch, 31 * 86400)
    sweep.expire(instance)
    assert is_there(instance, file)
    assert not is_there(instance, unneeded)
    factories.finish_job(job)
    later(monkeypatch, 32 * 86400)
    sweep.expire(instance)
    assert not is_there(instance, file)


def test_uploads_can_be_kept_for_ever(app, instance, monkeypatch):
    app.config["UPLOAD_LIFETIME"] = 0.0
    file = upload()
    later(monkeypatch, 1e9)
    sweep.expire(instance)
    assert is_there(instance, file)


# What a crash leaves on disk


def sweep_all(instance):
    for _ in Sweep(instance)._round():
        pass


def make_old(folder: Path):
    """Let everything below a folder look as if it was there since yesterday."""
    for path in [*folder.rglob("*"), folder]:
        factories.make_old(path)


def write(path: Path) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(b"x")
    return path


def orphans(instance) -> list[Path]:
    """All that can be left behind."""
    stored = stored_files.store_upload(instance, "ann", BytesIO(b"x"), "lost.txt")
    return [
        instance / stored.path,
        write(instance / "files" / ".incoming" / ("x" * 43)),
        write(instance / "files" / "jobs" / "jgone" / ("x" * 43) / "a.txt"),
        write(blobs.log_path(instance, "jgone")),
        write(blobs.log_path(instance, "jgone").with_suffix(".log.gz")),
        write(blobs.log_path(instance, "jgone").with_suffix(".log.idx.new")),
        write(blobs.run_dir(instance, "jgone", "lgone") / "exit"),
        write(blobs.work_folders(blobs.run_dir(instance, "jgone", "lgone"))[0] / "in.txt"),
    ]


def test_what_nothing_refers_to_is_deleted(instance):
    lost = orphans(instance)
    make_old(instance / "files")
    make_old(instance / "logs")
    make_old(instance / "runs")
    sweep_all(instance)
    assert [path for path in lost if path.exists()] == []
    make_old(instance / "runs")
    sweep_all(instance)
    assert list((instance / "runs").iterdir()) == []


def test_what_is_young_may_belong_to_somebody_who_has_not_committed(instance):
    lost = orphans(instance)
    sweep_all(instance)
    assert [path for path in lost if not path.exists()] == []


def test_what_is_being_written_is_young(instance):
    spool = write(instance / "files" / ".incoming" / ("x" * 43))
    run = write(blobs.run_dir(instance, "jgone", "lgone") / "log")
    make_old(instance / "runs")
    make_old(spool.parent)
    os.utime(spool)
    os.utime(run)
    sweep_all(instance)
    assert spool.exists()
    assert run.exists()


def test_what_the_database_knows_stays(instance):
    file = upload()
    final, live = factories.add_job(), factories.add_job(columns={"launch": "llive"})
    factories.finish_job(final)
    kept = [
        instance / file["path"],
        write(instance / "files" / "jobs" / final / ("x" * 43) / "a.txt"),
        write(instance / "files" / "jobs" / live / ("x" * 43) / "a.txt"),
        write(blobs.log_path(instance, final)),
        write(blobs.log_path(instance, live)),
        write(blobs.run_dir(instance, live, "llive") / "log"),
        write(blobs.work_folders(blobs.run_dir(instance, live, "llive"))[0] / "in.txt"),
    ]
    other_launch = write(blobs.run_dir(instance, live, "lother") / "log")
    ended = write(blobs.run_dir(instance, final, "lended") / "log")
    for name in ("files", "logs", "runs"):
        make_old(instance / name)
    sweep_all(instance)
    assert [path for path in kept if not path.exists()] == []
    assert not other_launch.exists()
    assert not ended.exists()


def test_a_round_is_made_in_steps_and_then_rests(instance, monkeypatch):
    monkeypatch.setattr(sweep, "_AT_ONCE", 1)
    for number in range(3):
        write(blobs.log_path(instance, f"jgone{number}"))
    make_old(instance / "logs")
    sweeper = Sweep(instance)
    left = []
    for _ in range(6):
        sweeper.step()
        left.append(len(list((instance / "logs").rglob("*.log"))))
    assert left[0] >= 1
    assert left[-1] == 0
    write(blobs.log_path(instance, "jmore"))
    make_old(instance / "logs")
    sweeper.step()
    assert blobs.log_path(instance, "jmore").exists()


def test_a_file_sent_for_a_job_is_in_its_record_and_has_no_row_any_more(app):
    job = factories.add_job(state="active", columns={"launch": "l1"})
    record = {"path": f"files/jobs/{job}/x/a.txt", "filename": "a.txt"}
    values = {"path": record["path"], "owner": "", "size": 1, "job": job}
    db.write(lambda c: StoredFile.insert(c, doc=json.dumps(record), **values))
    db.write(lambda c: ending.finalize(Turn(c, app.config), job))
    row = factories.load(job)
    assert json.loads(row.heavy)["files"] == [record]
    assert "_files" in json.loads(row.head)["tags"]
    assert db.read(lambda c: StoredFile.sent_for(c, job)) == []
    assert db.read(lambda c: Job.load(c, job)).final
