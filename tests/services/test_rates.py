"""Rates: what is counted, and when it is too much."""

import threading

import pytest

from core.errors import NotAuthenticated, TooManyRequests
from models.database import db
from models.request_count import RequestCount
from services import api_keys, authentication, rates
from services.access import OPERATOR


@pytest.fixture
def clock(monkeypatch):
    """The time, which tests set."""
    times = [1000.5]
    monkeypatch.setattr(rates.clock, "now", lambda: times[0])
    return times


def make(**properties):
    return api_keys.create({"title": "x", **properties}, OPERATOR)


def passes(plain_key):
    try:
        authentication.authenticate(plain_key)
    except TooManyRequests:
        return False
    return True


def rows():
    return db.read(lambda c: c.exec_driver_sql("SELECT count(*) FROM request_counts").scalar())


def test_a_key_may_call_so_often_in_each_second(app, clock):
    _, plain_key = make(max_per_sec=3)
    assert [passes(plain_key) for _ in range(5)] == [True] * 3 + [False] * 2
    clock[0] = 1001.0
    assert [passes(plain_key) for _ in range(4)] == [True] * 3 + [False]
    assert rows() == 1
    with pytest.raises(TooManyRequests) as error:
        authentication.authenticate(plain_key)
    assert error.value.description == "API Key has exceeded rate limit (3/sec)"
    assert (error.value.code, error.value.status) == ("rate", 429)


def test_a_clock_that_is_set_back_locks_nobody_out(app, clock):
    _, plain_key = make(max_per_sec=3)
    assert [passes(plain_key) for _ in range(4)][-1] is False
    clock[0] = 900.0
    assert passes(plain_key)


def test_simultaneous_calls_are_counted_exactly(app, clock):
    _, plain_key = make(max_per_sec=3)
    results = []

    def call():
        with app.app_context():
            results.extend(passes(plain_key) for _ in range(5))

    threads = [threading.Thread(target=call) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert (len(results), results.count(True)) == (40, 3)


@pytest.mark.parametrize("limit", [None, 0, -1])
def test_without_a_limit_nothing_is_counted(app, limit):
    _, plain_key = make(max_per_sec=limit)
    assert all(passes(plain_key) for _ in range(20))
    assert rows() == 0


def test_a_deleted_keys_count_is_forgotten(app, clock):
    record, plain_key = make(max_per_sec=3)
    passes(plain_key)
    api_keys.delete(record["id"], OPERATOR)
    assert rows() == 0


def test_an_invalid_key_is_not_counted(app):
    _, plain_key = make(max_per_sec=3, expires=1)
    with pytest.raises(NotAuthenticated):
        authentication.authenticate(plain_key)
    assert rows() == 0


def test_old_counts_are_cleaned_away_by_logins(app, clock):
    for number in range(5):
        rates.count_login(f"user{number}", "127.0.0.1")
    clock[0] += 1000
    rates.count_login("ann", "127.0.0.1")
    assert rows() == 2


def test_wrong_logins_are_limited_by_user_wherever_they_come_from(app, clock):
    for number in range(10):
        rates.count_login("ann", f"10.0.0.{number}")
    with pytest.raises(TooManyRequests):
        rates.count_login("ann", "10.0.0.99")
    rates.count_login("bob", "10.0.0.99")
    clock[0] += 300
    rates.count_login("ann", "10.0.0.99")


def test_wrong_logins_are_limited_by_address_whoever_they_are_for(app, clock):
    for number in range(50):
        rates.count_login(f"user{number}", "10.0.0.1")
    with pytest.raises(TooManyRequests):
        rates.count_login("someone", "10.0.0.1")


def test_right_logins_are_taken_back(app, clock):
    for _ in range(30):
        rates.count_login("ann", "10.0.0.1")
        db.write(lambda connection: rates.forgive_login(connection, "ann", "10.0.0.1"))
    counted = db.write(lambda connection: RequestCount.increase(connection, "x", 1, 2.0))
    assert counted == 1
