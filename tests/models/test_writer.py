"""Group commit: many callers, one writer; what one breaks stays its own."""

import subprocess
import sys
import threading
from pathlib import Path

import pytest
import sqlalchemy as sa

from models.database import db
from models.tag import Tag
from tests.processes import until

ROOT = Path(__file__).resolve().parents[2]
on_sqlite = pytest.mark.databases("sqlite")


def add_tag(name):
    def work(connection):
        Tag.insert(connection, {"id": name, "title": name})
        return name

    return work


def tags():
    return {tag["id"] for tag in db.read(Tag.all)}


def in_threads(app, works):
    """Run each work in a thread of its own; results and errors by number."""
    outcomes = {}

    def call(number, work):
        with app.app_context():
            try:
                outcomes[number] = db.write(work)
            except (ValueError, sa.exc.SQLAlchemyError) as error:
                outcomes[number] = error

    threads = [threading.Thread(target=call, args=item) for item in enumerate(works)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(30)
    return outcomes


@on_sqlite
def test_a_write_returns_its_result_once_it_is_committed(app):
    assert db.write(add_tag("one")) == "one"
    path = app.config["INSTANCE_PATH"] / "switchyard.db"
    other = sa.create_engine(f"sqlite:///{path}")
    with other.connect() as connection:
        assert "one" in connection.scalars(sa.text("SELECT id FROM tags")).all()
    other.dispose()


@on_sqlite
def test_a_failed_work_leaves_nothing_and_raises_to_its_caller(app):
    def broken(connection):
        add_tag("half")(connection)
        raise LookupError("as planned")

    with pytest.raises(LookupError, match="as planned"):
        db.write(broken)
    assert "half" not in tags()
    assert db.write(add_tag("next")) == "next"


@on_sqlite
def test_an_error_of_the_database_is_undone_alone(app):
    def broken(connection):
        add_tag("half")(connection)
        connection.execute(sa.text("INSERT INTO tags (id) VALUES ('half')"))

    with pytest.raises(sa.exc.IntegrityError):
        db.write(broken)
    assert "half" not in tags()


@on_sqlite
def test_works_of_many_threads_are_all_committed_and_failures_hurt_nobody(app):
    def failing(number):
        def work(connection):
            add_tag(f"bad{number}")(connection)
            raise ValueError(number)

        return work

    works = [failing(n) if n % 3 == 0 else add_tag(f"good{n}") for n in range(300)]
    outcomes = in_threads(app, works)
    good = {f"good{n}" for n in range(300) if n % 3}
    assert {value for value in outcomes.values() if isinstance(value, str)} == good
    errors = {str(value) for value in outcomes.values() if isinstance(value, ValueError)}
    assert errors == {str(n) for n in range(0, 300, 3)}
    assert good <= tags()
    assert not [tag for tag in tags() if tag.startswith("bad")]


@on_sqlite
def test_works_that_wait_together_share_a_commit(app):
    """While one work holds the writer, the others queue up and are then committed at once."""
    began, go_on = threading.Event(), threading.Event()
    commits = []
    sa.event.listen(db.engine, "commit", commits.append)

    def slow(connection):
        began.set()
        go_on.wait(10)

    holder = threading.Thread(target=in_threads, args=(app, [slow]))
    holder.start()
    assert began.wait(10)
    works = [add_tag(f"t{n}") for n in range(50)]
    waiting = threading.Thread(target=in_threads, args=(app, works))
    waiting.start()
    calls = app.extensions["switchyard_writer"]._calls
    until(lambda: calls.qsize() == 50)
    go_on.set()
    waiting.join(20)
    holder.join(20)
    assert {f"t{n}" for n in range(50)} <= tags()
    assert len(commits) <= 3


@on_sqlite
def test_works_see_what_earlier_ones_did_in_the_same_commit(app):
    counter = []

    def count(connection):
        counter.append(len(Tag.all(connection)))
        add_tag(f"c{len(counter)}")(connection)

    in_threads(app, [count] * 40)
    assert counter == list(range(counter[0], counter[0] + 40))


@on_sqlite
def test_a_work_may_undo_a_part_of_its_own(app):
    def work(connection):
        add_tag("kept")(connection)
        inner = connection.begin_nested()
        add_tag("dropped")(connection)
        inner.rollback()

    db.write(work)
    assert "kept" in tags()
    assert "dropped" not in tags()


@on_sqlite
def test_reads_go_on_while_a_write_is_under_way(app):
    began, go_on = threading.Event(), threading.Event()

    def slow(connection):
        add_tag("slow")(connection)
        began.set()
        go_on.wait(10)

    thread = threading.Thread(target=in_threads, args=(app, [slow]))
    thread.start()
    assert began.wait(10)
    assert "slow" not in tags()
    go_on.set()
    thread.join(10)
    assert "slow" in tags()


@on_sqlite
def test_a_locked_database_makes_writers_wait_and_not_fail(app):
    path = app.config["INSTANCE_PATH"] / "switchyard.db"
    other = sa.create_engine(f"sqlite:///{path}", isolation_level=None)
    connection = other.raw_connection()
    connection.isolation_level = None
    connection.execute("BEGIN IMMEDIATE")
    outcomes = {}
    thread = threading.Thread(target=lambda: outcomes.update(in_threads(app, [add_tag("patient")])))
    thread.start()
    thread.join(0.3)
    assert thread.is_alive()
    connection.execute("COMMIT")
    connection.close()
    other.dispose()
    thread.join(20)
    assert outcomes == {0: "patient"}


GEVENT = """
from gevent import monkey
monkey.patch_all()
import time
from pathlib import Path
import gevent, sys
import sqlalchemy as sa
from app import create_app
from models.database import db
from models.tag import Tag

app = create_app({"INSTANCE_PATH": Path(sys.argv[1])})
with app.app_context():
    db.create_all()
    other = sa.create_engine(app.config["DATABASE_URL"])
    blocker = other.raw_connection()
    blocker.isolation_level = None
    ticks, outcomes = [], []

    def tick():
        while True:
            ticks.append(time.monotonic())
            gevent.sleep(0.005)

    def write(number):
        def work(connection):
            Tag.insert(connection, {"id": f"t{number}"})
            if number % 4 == 0:
                raise ValueError(number)
            return number
        with app.app_context():
            try:
                outcomes.append(db.write(work))
            except ValueError as error:
                outcomes.append(f"error {error}")

    ticker = gevent.spawn(tick)
    # Somebody else writes for half a second: the writer waits in C, the greenlets do not.
    blocker.execute("BEGIN IMMEDIATE")
    greenlets = [gevent.spawn(write, number) for number in range(200)]
    gevent.sleep(0.5)
    assert not outcomes
    blocker.execute("COMMIT")
    gevent.joinall(greenlets, timeout=20, raise_error=True)
    ticker.kill()
    gaps = [after - before for before, after in zip(ticks, ticks[1:])]
    assert max(gaps) < 0.3, max(gaps)
    expected = {n if n % 4 else f"error {n}" for n in range(200)}
    assert set(outcomes) == expected and len(outcomes) == 200
    stored = {tag["id"] for tag in db.read(Tag.all)}
    assert stored == {f"t{n}" for n in range(200) if n % 4}
print("fine")
"""


def test_greenlets_wait_without_stopping_each_other(tmp_path):
    result = subprocess.run(
        [sys.executable, "-c", GEVENT, str(tmp_path)],
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert result.returncode == 0, result.stderr
    assert result.stdout == "fine\n"
