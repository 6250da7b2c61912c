"""Following jobs: news arrive soon, once, and to everybody."""

import threading
import time
from contextlib import closing

import pytest

from models.database import db
from models.job import Job
from services import doorbell
from services.follow import follow
from tests.factories import add_job, finish_job


def change(job_id, **live):
    db.write(lambda connection: Job.patch(connection, job_id, live=live))
    doorbell.ring()


@pytest.fixture
def followed(app):
    """A job, and a subscription to it."""
    job_id = add_job(state="active")
    subscription = follow(job_id)
    yield job_id, subscription
    subscription.close()
    _end(app)


def _end(app):
    """The listener ends by itself when nobody follows; a test does not wait for that."""
    follower = app.extensions["switchyard_follower"]
    follower._subscriptions.clear()


def wait_for(subscription, condition, seconds=5.0):
    deadline = time.monotonic() + seconds
    while not condition(subscription.row):
        assert time.monotonic() < deadline, "no news"
        subscription.wait(0.1)


def test_the_row_is_there_at_once(followed):
    job_id, subscription = followed
    assert subscription.row.id == job_id


def test_a_change_is_news_soon(followed):
    job_id, subscription = followed
    time.sleep(0.1)
    began = time.monotonic()
    change(job_id, progress=0.5)
    wait_for(subscription, lambda row: row.live and "0.5" in row.live)
    assert time.monotonic() - began < 0.5


def test_without_news_waiting_ends(followed):
    _, subscription = followed
    subscription.wait(0.3)
    assert not subscription.wait(0.2)


def test_a_lost_ring_costs_a_second_at_most(followed):
    job_id, subscription = followed
    db.write(lambda connection: Job.patch(connection, job_id, live={"progress": 1}))
    wait_for(subscription, lambda row: row.live, seconds=3)


def test_a_deleted_job_is_news(followed):
    job_id, subscription = followed
    db.write(lambda connection: Job.delete(connection, job_id))
    doorbell.ring()
    wait_for(subscription, lambda row: row is None)


def test_the_end_is_news(followed):
    job_id, subscription = followed
    finish_job(job_id)
    doorbell.ring()
    wait_for(subscription, lambda row: row.final)


def test_an_unknown_job_has_no_row(app):
    with closing(follow("jnosuchjob")) as subscription:
        assert subscription.row is None
    _end(app)


def test_closing_twice_is_fine_and_others_go_on(followed):
    job_id, subscription = followed
    other = follow(job_id)
    other.close()
    other.close()
    change(job_id, progress=0.7)
    wait_for(subscription, lambda row: row.live and "0.7" in row.live)


def test_many_followers_of_many_jobs_all_hear_the_last_word(app):
    jobs = [add_job(state="active") for _ in range(20)]
    subscriptions = [follow(job_id) for job_id in jobs for _ in range(10)]
    heard = []
    threads = [threading.Thread(target=_await_end, args=(one, heard)) for one in subscriptions]
    for thread in threads:
        thread.start()
    for progress in range(5):
        for job_id in jobs:
            change(job_id, progress=progress / 10)
    for job_id in jobs:
        _finish(app, job_id)
    for thread in threads:
        thread.join(25)
    assert sorted(heard) == sorted(jobs * 10)
    for subscription in subscriptions:
        subscription.close()
    _end(app)


def _await_end(subscription, heard):
    deadline = time.monotonic() + 20
    while time.monotonic() < deadline:
        if subscription.row.final:
            heard.append(subscription.job_id)
            return
        subscription.wait(1)


def test_a_follower_that_comes_while_the_job_ends_does_not_miss_it(app):
    missed = []
    for _ in range(30):
        job_id = add_job(state="active")
        keeper = follow(job_id)
        thread = threading.Thread(target=_finish, args=(app, job_id))
        thread.start()
        with closing(follow(job_id)) as subscription:
            deadline = time.monotonic() + 3
            while not subscription.row.final and time.monotonic() < deadline:
                subscription.wait(0.5)
            if not subscription.row.final:
                missed.append(job_id)
        thread.join()
        keeper.close()
    _end(app)
    assert missed == []


def _finish(app, job_id):
    with app.app_context():
        finish_job(job_id)
        doorbell.ring()
