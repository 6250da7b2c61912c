"""The doorbell: heard by all who listen, on both databases."""

import time

import pytest
import sqlalchemy as sa

from models.database import db
from services import doorbell
from tests.services.bells import rings

_SOON = 5.0


def settle(bell):
    """Wait until a bell listens: the first ring that it hears is its own, of its connection."""
    deadline = time.monotonic() + _SOON
    while time.monotonic() < deadline:
        doorbell.ring()
        if rings(bell, 0.05):
            break
    quiet(bell)


def quiet(bell):
    """Take rings until no more of them are under way."""
    bell.drain()
    while rings(bell, 0.2):
        bell.drain()


@pytest.fixture
def bell(app):
    bell = doorbell.listen(app)
    settle(bell)
    yield bell
    bell.close()


def test_a_ring_reaches_every_listener(app, bell):
    other = doorbell.listen(app)
    settle(other)
    quiet(bell)
    doorbell.ring()
    assert rings(bell, _SOON)
    assert rings(other, _SOON)
    other.close()


def test_nobody_rings_for_himself_when_he_says_so(app, bell):
    other = doorbell.listen(app)
    settle(other)
    quiet(bell)
    doorbell.ringer().ring(skip=bell.name)
    assert rings(other, _SOON)
    # What the other one has heard, this one would have heard by now.
    assert not rings(bell, 0.1)
    other.close()


def test_who_rings_for_all_is_not_hushed_by_who_skips(bell):
    doorbell.ringer().ring(skip=bell.name)
    doorbell.ringer().ring()
    assert rings(bell, _SOON)


def test_a_bell_can_be_woken_alone(app, bell):
    other = doorbell.listen(app)
    settle(other)
    quiet(bell)
    bell.wake()
    assert rings(bell, _SOON)
    assert not rings(other, 0.1)
    other.close()


def test_a_ring_is_heard_within_milliseconds(bell):
    times = []
    for _ in range(20):
        quiet(bell)
        began = time.monotonic()
        doorbell.ring()
        assert rings(bell, _SOON)
        times.append(time.monotonic() - began)
    assert sorted(times)[len(times) // 2] < 0.05


def test_many_rings_never_wait(bell):
    began = time.monotonic()
    for _ in range(20_000):
        doorbell.ring()
    assert time.monotonic() - began < 5
    quiet(bell)
    doorbell.ring()
    assert rings(bell, _SOON)


@pytest.mark.databases("postgresql")
def test_the_doorbell_works_again_after_its_connections_were_lost(bell):
    with db.engine.connect() as connection:
        query = """SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity
            WHERE datname = current_database() AND pid <> pg_backend_pid()"""
        assert connection.scalar(sa.text(query)) >= 2
    # The new connection rings by itself: what happened meanwhile was not heard.
    assert rings(bell, _SOON)
    quiet(bell)
    doorbell.ring()
    assert rings(bell, _SOON)
