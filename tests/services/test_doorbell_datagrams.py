"""The doorbell beside SQLite: never waited for, and silent about the dead."""

import os
import time

import pytest

from services.doorbell_datagrams import DatagramBell as Bell
from services.doorbell_datagrams import DatagramRinger as Ringer
from tests.services.bells import rings


@pytest.fixture
def instance(tmp_path):
    (tmp_path / "bells").mkdir()
    return tmp_path


@pytest.fixture
def bell(instance):
    bell = Bell(instance)
    yield bell
    bell.close()


@pytest.fixture
def ringer(instance):
    ringer = Ringer(instance)
    yield ringer
    ringer.close()


def test_many_rings_are_drained_at_once(bell, ringer):
    for _ in range(20):
        ringer.ring()
    bell.drain()
    assert not rings(bell)


def test_ringing_never_waits_for_a_listener_that_sleeps(bell, ringer):
    began = time.monotonic()
    for _ in range(20_000):
        ringer.ring()
    assert time.monotonic() - began < 5
    bell.drain()
    ringer.ring()
    assert rings(bell)


def test_without_listeners_nothing_happens(ringer):
    ringer.ring()


def test_the_bell_of_a_dead_process_is_taken_away(instance, ringer):
    bell = Bell(instance)
    bell.socket.close()
    assert len(list((instance / "bells").iterdir())) == 1
    ringer.ring()
    assert list((instance / "bells").iterdir()) == []
    os.close(bell._folder)


def test_a_closed_bell_leaves_nothing(instance, ringer):
    Bell(instance).close()
    assert list((instance / "bells").iterdir()) == []


def test_long_paths_work(tmp_path):
    deep = tmp_path / ("a" * 100) / ("b" * 100)
    (deep / "bells").mkdir(parents=True)
    bell, ringer = Bell(deep), Ringer(deep)
    ringer.ring()
    assert rings(bell)
    bell.close()
    ringer.close()


def test_a_foreign_file_among_the_bells_does_no_harm(instance, bell, ringer):
    (instance / "bells" / "note.txt").write_text("x")
    ringer.ring()
    assert rings(bell)
