"""PostgreSQL: transactions that fail for no fault of ours are repeated; writers don't meet."""

import threading

import pytest
import sqlalchemy as sa

from core import json
from models.database import db
from models.job import Job
from models.tag import Tag
from tests.factories import add_job, load

pytestmark = pytest.mark.databases("postgresql")


def terminate(connection):
    """Close the connection of a transaction from outside."""
    pid = connection.scalar(sa.text("SELECT pg_backend_pid()"))
    with db.engine.connect() as other:
        other.execute(sa.text("SELECT pg_terminate_backend(:pid)"), {"pid": pid})


def in_threads(app, works, **options):
    """Run each write in a thread of its own."""

    def call(work):
        with app.app_context():
            db.write(work, **options)

    threads = [threading.Thread(target=call, args=[work]) for work in works]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(30)


def test_a_write_whose_connection_is_lost_is_done_once(app):
    tries = []

    def work(connection):
        tries.append(1)
        Tag.insert(connection, {"id": f"t{len(tries)}", "title": "x"})
        if len(tries) == 1:
            terminate(connection)
            connection.scalar(sa.text("SELECT 1"))
        return len(tries)

    assert db.write(work) == 2
    ids = {tag["id"] for tag in db.read(Tag.all)}
    assert "t2" in ids
    assert "t1" not in ids


def test_a_read_goes_on_with_a_new_connection(app):
    db.read(terminate)
    assert db.read(lambda connection: connection.scalar(sa.text("SELECT 7"))) == 7


def test_a_failed_write_leaves_nothing_and_raises(app):
    def broken(connection):
        Tag.insert(connection, {"id": "half", "title": "x"})
        raise ValueError("as planned")

    with pytest.raises(ValueError, match="as planned"):
        db.write(broken)
    assert "half" not in {tag["id"] for tag in db.read(Tag.all)}


@pytest.mark.parametrize("shared", [False, True])
def test_changes_of_one_job_at_the_same_time_all_count(app, shared):
    job_id = add_job()
    names = [f"key{number}" for number in range(12)]
    works = [
        lambda connection, name=name: Job.patch(connection, job_id, doc={name: 1}) for name in names
    ]
    in_threads(app, works, shared=shared)
    assert set(names) <= json.loads(load(job_id).doc).keys()


def test_who_writes_alone_sees_what_shared_writers_did(app):
    job_id = add_job()

    def count(connection):
        row = Job.load(connection, job_id)
        Job.patch(connection, job_id, doc={"count": json.loads(row.doc).get("count", 0) + 1})

    in_threads(app, [count] * 6)
    in_threads(app, [count] * 6, shared=True)
    assert json.loads(load(job_id).doc)["count"] == 12


@pytest.mark.parametrize("text", ["a\0b", "a\ud800b"])
def test_text_that_postgresql_has_no_way_to_keep_breaks_nothing(app, text):
    assert db.read(lambda connection: Tag.get(connection, text)) is None


def test_a_stopped_process_does_not_keep_its_locks_for_ever(app):
    query = sa.text("SHOW idle_in_transaction_session_timeout")
    assert db.read(lambda connection: connection.scalar(query)) == "5s"
