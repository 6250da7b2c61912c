"""Where runs and logs lie: moves, ids that can't escape, deletion."""

import contextlib
import itertools
import os
import threading
from collections.abc import Callable
from pathlib import Path

import pytest

from core import blobs, stored_files
from core.archive import StoredLog

JOB = "jmabc123xy"


@pytest.fixture
def instance(tmp_path: Path) -> Path:
    return tmp_path / "instance"


def write_run(instance: Path, data: bytes, launch: str = "l1") -> Path:
    path = blobs.live_log(instance, JOB, launch)
    path.parent.mkdir(parents=True)
    path.write_bytes(data)
    return path


def write_file(instance: Path, name: str, data: bytes = b"data") -> Path:
    folder = instance / "runs" / "work"
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / name
    path.write_bytes(data)
    return path


def read(log: StoredLog | None) -> bytes:
    assert log is not None
    with contextlib.closing(log):
        return b"".join(log.blocks(0, log.size))


def test_a_runs_log_moves_to_the_finished_ones(instance: Path) -> None:
    source = write_run(instance, b"hello\n")
    assert blobs.adopt_log(instance, JOB, source) == 6
    assert not source.exists()
    assert (instance / "logs" / "xy" / f"{JOB}.log").read_bytes() == b"hello\n"
    assert read(blobs.open_log(instance, JOB)) == b"hello\n"


def test_adopting_a_log_again_gives_the_same_size(instance: Path) -> None:
    source = write_run(instance, b"hello\n")
    blobs.adopt_log(instance, JOB, source)
    assert blobs.adopt_log(instance, JOB, source) == 6
    assert blobs.archive_log(instance, JOB)
    assert blobs.adopt_log(instance, JOB, source) == 6


def test_adopting_a_log_that_never_was_is_an_error(instance: Path) -> None:
    with pytest.raises(FileNotFoundError):
        blobs.adopt_log(instance, JOB, blobs.live_log(instance, JOB, "l1"))


def test_a_log_is_found_wherever_it_is_on_its_way(instance: Path) -> None:
    assert blobs.open_log(instance, JOB, "l1") is None
    source = write_run(instance, b"hello\n")
    assert blobs.open_log(instance, JOB) is None
    assert read(blobs.open_log(instance, JOB, "l1")) == b"hello\n"
    blobs.adopt_log(instance, JOB, source)
    assert read(blobs.open_log(instance, JOB, "l1")) == b"hello\n"
    assert blobs.archive_log(instance, JOB)
    assert read(blobs.open_log(instance, JOB, "l1")) == b"hello\n"
    assert not blobs.archive_log(instance, JOB)


def test_an_open_log_survives_being_archived_and_deleted(instance: Path) -> None:
    data = os.urandom(300_000)
    blobs.adopt_log(instance, JOB, write_run(instance, data))
    plain = blobs.open_log(instance, JOB)
    assert plain is not None
    reading = plain.blocks(0, plain.size)
    first = next(reading)
    blobs.archive_log(instance, JOB)
    packed = blobs.open_log(instance, JOB)
    blobs.delete_job_blobs(instance, JOB)
    assert first + b"".join(reading) == data
    plain.close()
    assert read(packed) == data


@pytest.mark.parametrize("delay_seconds", [0, 0.002, 0.01, 0.02, 0.05, 0.08])
def test_deleting_a_job_that_is_being_archived_leaves_nothing(
    instance: Path, delay_seconds: float
) -> None:
    blobs.adopt_log(instance, JOB, write_run(instance, os.urandom(1_500_000)))
    archiver = threading.Thread(target=blobs.archive_log, args=[instance, JOB])
    archiver.start()
    archiver.join(delay_seconds)
    blobs.delete_job_blobs(instance, JOB)
    archiver.join(30)
    assert list((instance / "logs" / "xy").iterdir()) == []


@pytest.mark.parametrize("rename_number", [1, 2])
@pytest.mark.parametrize(
    "delete", [blobs.delete_job_blobs, lambda *job: blobs.log_path(*job).unlink()]
)
def test_an_archive_that_comes_after_the_deletion_is_taken_back(
    instance: Path,
    monkeypatch: pytest.MonkeyPatch,
    rename_number: int,
    delete: Callable[[Path, str], None],
) -> None:
    blobs.adopt_log(instance, JOB, write_run(instance, b"hello\n"))
    rename, renames = Path.replace, itertools.count(1)

    def delete_then_rename(self: Path, target: Path) -> Path:
        # The deletion falls between two steps of the archiver; it may be only half done.
        if next(renames) == rename_number:
            delete(instance, JOB)
        return rename(self, target)

    monkeypatch.setattr(Path, "replace", delete_then_rename)
    assert not blobs.archive_log(instance, JOB)
    assert list((instance / "logs" / "xy").iterdir()) == []


def test_deleting_a_job_takes_its_files_and_leaves_others(instance: Path) -> None:
    blobs.adopt_log(instance, JOB, write_run(instance, b"hello\n"))
    mine = stored_files.adopt_file(instance, JOB, write_file(instance, "a"), "a")
    other = stored_files.adopt_file(instance, "jother", write_file(instance, "b"), "b")
    blobs.delete_job_blobs(instance, JOB)
    blobs.delete_job_blobs(instance, JOB)
    assert blobs.open_log(instance, JOB, "l1") is None
    assert not blobs.run_dir(instance, JOB, "l1").parent.exists()
    assert stored_files.file_size(instance, mine.path) is None
    assert stored_files.file_size(instance, other.path) == 4


@pytest.mark.parametrize("bad", ["", ".", "..", "../x", "a/b", "A", "a" * 65, "a\n"])
def test_what_is_not_an_id_never_becomes_a_path(instance: Path, bad: str) -> None:
    for call in (blobs.log_path, blobs.open_log, blobs.archive_log, blobs.delete_job_blobs):
        with pytest.raises(ValueError, match="not an id"):
            call(instance, bad)
    with pytest.raises(ValueError, match="not an id"):
        blobs.run_dir(instance, JOB, bad)


def test_folders_are_private(instance: Path) -> None:
    blobs.adopt_log(instance, JOB, write_run(instance, b"hello\n"))
    assert blobs.log_path(instance, JOB).parent.stat().st_mode & 0o777 == 0o700


# The end of a log


@pytest.mark.parametrize(
    ("data", "size", "expected"),
    [
        (b"", 10, ""),
        (b"one\ntwo\n", 100, "one\ntwo\n"),
        (b"one\ntwo\n", 8, "one\ntwo\n"),
        (b"one\ntwo\nthree\n", 8, "three\n"),
        (b"one\ntwo\nthree", 7, "three"),
        (b"no line end at all", 6, "at all"),
        (b"\xc3\xa4\xff\n", 100, "ä\ufffd\n"),
    ],
)
def test_the_tail_of_a_log(tmp_path: Path, data: bytes, size: int, expected: str) -> None:
    path = tmp_path / "log"
    path.write_bytes(data)
    assert blobs.tail(path, size) == expected


def test_the_tail_of_no_log_is_empty(tmp_path: Path) -> None:
    assert blobs.tail(tmp_path / "log", 10) == ""
