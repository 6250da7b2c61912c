"""Daily counts: exact, once for each errand, and new every day."""

from concurrent.futures import ThreadPoolExecutor

import pytest
import sqlalchemy as sa

from models.database import db
from models.request_count import RequestCount
from services import daily_counts

#: Noon of some day in UTC, and so this day in all but a few places.
NOON = 1_764_072_000.0
DAY = 86400


@pytest.fixture
def moment(app, monkeypatch):
    """The time; a test moves it."""
    moment = [NOON]
    monkeypatch.setattr("core.clock.now", lambda: moment[0])
    return moment


def take(errand_id, most=2, key="n1"):
    return daily_counts.take(errand_id, "channel", key, most)


def count_rows():
    return db.read(lambda c: c.scalar(sa.select(sa.func.count()).select_from(RequestCount)))


def test_so_many_a_day_and_again_the_next_one(moment):
    assert [take(f"x{number}") for number in range(4)] == [True, True, False, False]
    assert take("x5", key="n2")
    assert daily_counts.take("x6", "web_hook", "n1", 1)
    moment[0] += DAY
    assert [take(f"x1{number}") for number in range(3)] == [True, True, False]


def test_a_repeated_errand_counts_once(moment):
    assert [take("x1"), take("x1"), take("x2"), take("x1"), take("x2")] == [True] * 5
    # What was refused stays refused, as long as nothing else changes.
    assert [take("x3"), take("x3")] == [False, False]
    assert take("x3", most=3)


def test_without_a_limit_nothing_is_counted(moment):
    assert take("x1", most=0)
    assert count_rows() == 0


def test_what_is_gone_is_forgotten(moment):
    assert take("x1", most=1)
    db.write(lambda connection: daily_counts.forget(connection, "channel", "n1"))
    assert take("x2", most=1)


def test_old_counts_are_deleted(moment):
    for number in range(5):
        take(f"x{number}", most=9)
    assert count_rows() == 6
    moment[0] += 3 * DAY
    take("x9", most=9)
    assert count_rows() == 2


def test_the_count_is_exact_however_many_come_at_once(app):
    def one(number):
        with app.app_context():
            return take(f"x{number}", most=7)

    with ThreadPoolExecutor(8) as pool:
        assert sum(pool.map(one, range(40))) == 7
