"""What running jobs tell, applied to their rows."""

import json
import time
from functools import partial
from pathlib import Path

import pytest

from core import blobs
from engine import late, messages, watch
from engine.loop import Engine
from engine.records import BATCH_BYTES, Batch
from engine.turn import Run, Turn
from models.database import db
from models.job import Job
from tests.factories import add_job, finish_job, load


def apply(run, **told):
    """Apply one batch, read where the last one ended."""
    start = (run.segment, run.offset)
    batch = Batch(run.segment, run.offset + 100, start, **told)

    def work(connection):
        turn = Turn(connection, {})
        return watch.apply(turn, run, batch), turn

    applied, turn = db.write(work)
    for effect in turn.after:
        effect()
    return applied


def launched(**options):
    job_id = add_job(state="active", columns={"launch": "l1", "server": "s1"}, **options)
    return Run(job_id, "l1")


def test_a_batch_is_applied_once(app):
    run = launched()
    assert apply(run, messages=[{"xy": 1, "data": {"seen": [1]}}]) is watch.Applied.DONE
    run.segment, run.offset = 0, 0
    again = apply(run, messages=[{"xy": 1, "data": {"seen": [1]}}])
    assert again is watch.Applied.OUT_OF_STEP
    assert json.loads(load(run.job).results)["data"] == {"seen": [1]}
    assert run.offset == 100


def test_another_launch_is_refused(app):
    run = launched()
    run.launch = "l2"
    assert apply(run, messages=[{"xy": 1, "progress": 1}]) is watch.Applied.GONE
    assert load(run.job).live in (None, "{}")


def test_consumed_segments_are_deleted_after_the_commit(app, tmp_path):
    run = launched()
    segment = Path(tmp_path / "messages.0")
    segment.touch()
    apply(run, consumed=[segment])
    assert not segment.exists()


def test_warnings_do_not_make_the_activity_log_grow_for_ever(app):
    run = launched()
    for _ in range(300):
        apply(run, warnings=["WARNING: " + "x" * 200] * 1000)
    activity = json.loads(load(run.job).activity)
    assert len(load(run.job).activity) < 400_000
    assert activity[-1]["msg"].startswith("WARNING: There are too many warnings")
    assert [row["msg"] for row in activity].count(activity[-1]["msg"]) == 1


def test_a_pushed_time_limit_is_due(app):
    run = launched()
    limit = {"type": "time", "enabled": True, "duration": 5, "abort": True}
    apply(run, messages=[{"xy": 1, "push": {"limits": [limit]}}])
    row = load(run.job)
    assert row.due == row.started + 5


def test_a_limit_on_the_log_asks_for_an_abort_once(app):
    limit = {"type": "log", "enabled": True, "amount": 5, "abort": True, "tags": ["flag"]}
    run = launched(limits=[limit])
    run.log_size = 6
    apply(run)
    row = load(run.job)
    assert row.abort_reason == "Job output size has exceeded maximum limit of 5 bytes."
    assert json.loads(row.doc)["tags"] == ["flag"]
    apply(run)
    assert len(json.loads(load(run.job).activity)) == 1


def test_a_limit_does_not_replace_the_reason_that_a_caller_gave(app):
    limit = {"type": "mem", "enabled": True, "amount": 5, "abort": True}
    run = launched(limits=[limit])
    db.write(lambda connection: Job.patch(connection, run.job, columns={"abort_reason": "Enough"}))
    run.sample = {"mem": 6, "cpu": 0, "procs": {}, "conns": []}
    apply(run)
    assert load(run.job).abort_reason == "Enough"


TOO_MUCH = (
    "WARNING: The job has reported more than 4 MB; further data, files and pushes are ignored."
)


def test_what_a_job_reports_stops_growing_but_not_its_progress(app):
    run = launched(tags=["a"])
    large = {"data": {"large": "x" * (messages.MOST_RESULT_CHARS + 1)}}
    apply(run, messages=[large | {"label": "first"}])
    more = {"data": {"more": 1}, "label": "second", "push": {"tags": ["b"], "files": ["f"]}}
    apply(run, messages=[more | {"progress": 0.5, "status": "s"}])
    apply(run, messages=[more])
    row = load(run.job)
    results = json.loads(row.results)
    assert (list(results["data"]), results["label"]) == (["large"], "second")
    assert json.loads(row.doc)["tags"] == ["a"]
    live = json.loads(row.live)
    assert (live["progress"], live["status"]) == (0.5, "s")
    assert [entry["msg"] for entry in json.loads(row.activity)] == [TOO_MUCH]
    apply(run, messages=[more | {"code": 3, "description": "enough"}])
    results = json.loads(load(run.job).results)
    assert (results["code"], results["description"], results["complete"]) == (3, "enough", True)
    assert list(results["data"]) == ["large"]


def test_samples_are_folded_and_the_newest_processes_shown(app):
    run = launched()
    for cpu in (3, 1, 2):
        run.sample = {"cpu": cpu, "mem": 10 * cpu, "procs": {"7": {"cpu": cpu}}, "conns": [cpu]}
        apply(run)
    apply(run)
    live = json.loads(load(run.job).live)
    assert live["cpu"] == {"min": 1, "max": 3, "total": 6, "count": 3, "current": 2}
    assert live["mem"] == {"min": 10, "max": 30, "total": 60, "count": 3, "current": 20}
    assert (live["procs"], live["conns"]) == ({"7": {"cpu": 2}}, [2])


def test_a_launcher_of_an_earlier_version_tells_of_no_connections(app):
    run = launched()
    run.sample = {"cpu": 1, "mem": 2, "procs": {}}
    assert apply(run) is watch.Applied.DONE
    assert json.loads(load(run.job).live)["conns"] == []


def texts_of(row):
    rows = json.loads(row.heavy)["activity"] if row.final else json.loads(row.activity)
    return [entry["msg"] for entry in rows]


def ended(run, *, is_held):
    if is_held:
        db.write(lambda c: Job.patch(c, run.job, columns={"state": "complete"}))
    else:
        finish_job(run.job, description="as it was")
    return load(run.job)


@pytest.mark.databases("sqlite")
@pytest.mark.parametrize("is_held", [False, True])
def test_a_late_message_changes_nothing_and_is_noted_once(app, is_held):
    run = launched()
    before = ended(run, is_held=is_held)
    assert apply(run) is watch.Applied.GONE
    assert load(run.job) == before
    told = [{"xy": 1, "label": "late", "push": {"tags": ["late"]}}, {"xy": 1, "code": 7}]
    for message in (*told, *told):
        assert apply(run, messages=[message]) is watch.Applied.GONE
    row = load(run.job)
    assert texts_of(row) == [*texts_of(before), late.OTHER, late.FINAL]
    kept = ("state", "code", "head", "results", "doc", "live", "segment", "offset")
    assert [getattr(row, name) for name in kept] == [getattr(before, name) for name in kept]


@pytest.mark.databases("sqlite")
def test_what_was_told_before_an_abort_counts_and_nothing_after_it(app):
    run = launched()
    folder = blobs.run_dir(app.config["INSTANCE_PATH"], run.job, run.launch)
    folder.mkdir(parents=True)
    write = partial(append, folder / "messages.0")
    engine = Engine(app)
    engine._fleet.add(run)
    assert engine.lease.acquire()
    # More than one batch, read long before it is due.
    write({"data": {"first": "x" * BATCH_BYTES}}, {"data": {"last": 1}, "push": {"tags": ["b"]}})
    run.pay(time.monotonic() + 3600)
    db.write(lambda c: Job.patch(c, run.job, columns={"abort_reason": "Enough."}))
    engine._turn()
    write({"data": {"late": 1}, "push": {"tags": ["late"]}}, {"code": 0, "description": "Done."})
    run.touched, run.paid_until = True, 0.0
    engine._turn()
    results = json.loads(load(run.job).results)
    assert list(results["data"]) == ["first", "last"]
    assert (results["code"], results["description"]) == ("abort", "Enough.")
    assert json.loads(load(run.job).doc)["tags"] == ["b"]
    engine._finish_up()


def append(path, *told):
    with path.open("a") as file:
        file.writelines(f"M {json.dumps({'xy': 1} | message)}\n" for message in told)
