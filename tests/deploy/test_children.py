"""A heartbeat is judged by when a change was seen, not by the time of day."""

import os
from pathlib import Path

import pytest

from deploy.children import Command, Heartbeat


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "beat"


@pytest.fixture
def heartbeat(file: Path) -> Heartbeat:
    """A heartbeat of a process that started at second 1000."""
    heartbeat = Heartbeat(Command("x", ["x"], file.parent, {}, heartbeat=file))
    heartbeat.restart(1000)
    return heartbeat


def overdue_seconds(heartbeat: Heartbeat, first: int, last: int) -> list[int]:
    """The seconds at which the heartbeat was overdue, looking at it every second."""
    return [now for now in range(first, last) if heartbeat.is_overdue(now)]


def test_a_process_has_twenty_seconds_for_its_first_beat(heartbeat: Heartbeat) -> None:
    assert overdue_seconds(heartbeat, 1001, 1030) == [1021]


def test_a_beat_of_the_predecessor_does_not_count(heartbeat: Heartbeat, file: Path) -> None:
    file.touch()
    heartbeat.restart(2000)
    assert overdue_seconds(heartbeat, 2001, 2030) == [2021]


def test_after_a_beat_ten_seconds_are_allowed(heartbeat: Heartbeat, file: Path) -> None:
    file.touch()
    assert overdue_seconds(heartbeat, 1001, 1020) == [1012]


@pytest.mark.parametrize("mtime", [1, 4_000_000_000])
def test_the_time_of_day_does_not_matter(heartbeat: Heartbeat, file: Path, mtime: int) -> None:
    file.touch()
    overdue_seconds(heartbeat, 1001, 1009)
    os.utime(file, (mtime, mtime))
    assert overdue_seconds(heartbeat, 1009, 1025) == [1020]


def test_a_supervisor_that_was_frozen_itself_waits_anew(heartbeat: Heartbeat, file: Path) -> None:
    file.touch()
    overdue_seconds(heartbeat, 1001, 1005)
    assert overdue_seconds(heartbeat, 1500, 1520) == [1511]
