"""Where logs and files lie: moves, keys that can't escape, names, deletion."""

import contextlib
import io
import itertools
import os
import threading
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from core import blobs
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
    mine = blobs.adopt_file(instance, JOB, write_file(instance, "a"), "a")
    other = blobs.adopt_file(instance, "jother", write_file(instance, "b"), "b")
    blobs.delete_job_blobs(instance, JOB)
    blobs.delete_job_blobs(instance, JOB)
    assert blobs.open_log(instance, JOB, "l1") is None
    assert not blobs.run_dir(instance, JOB, "l1").parent.exists()
    assert blobs.resolve_file(instance, mine.path) is None
    assert blobs.resolve_file(instance, other.path) is not None


@pytest.mark.parametrize("bad", ["", ".", "..", "../x", "a/b", "A", "a" * 65, "a\n"])
def test_what_is_not_an_id_never_becomes_a_path(instance: Path, bad: str) -> None:
    for call in (blobs.log_path, blobs.open_log, blobs.archive_log, blobs.delete_job_blobs):
        with pytest.raises(ValueError, match="not an id"):
            call(instance, bad)
    with pytest.raises(ValueError, match="not an id"):
        blobs.run_dir(instance, JOB, bad)


def test_folders_are_private(instance: Path) -> None:
    blobs.adopt_log(instance, JOB, write_run(instance, b"hello\n"))
    stored = blobs.adopt_file(instance, JOB, write_file(instance, "a"), "a")
    for path in (blobs.log_path(instance, JOB).parent, (instance / stored.path).parent.parent):
        assert path.stat().st_mode & 0o777 == 0o700


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


# Files


def write_file(instance: Path, name: str, data: bytes = b"data") -> Path:
    folder = instance / "runs" / "work"
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / name
    path.write_bytes(data)
    return path


def test_an_output_file_is_stored_under_a_secret_key(instance: Path) -> None:
    source = write_file(instance, "Report 1.TXT")
    stored = blobs.adopt_file(instance, JOB, source, "Report 1.TXT")
    folder, key_name = stored.path.rsplit("/", 1)
    assert (stored.filename, stored.size) == ("Report 1.TXT", 4)
    assert key_name == "report_1.txt"
    assert folder.startswith(f"files/jobs/{JOB}/")
    assert len(folder.rsplit("/", 1)[1]) == 43
    path = blobs.resolve_file(instance, stored.path)
    assert path is not None
    assert path.read_bytes() == b"data"
    assert source.exists()


def test_a_file_on_the_same_disk_is_linked_and_not_copied(instance: Path) -> None:
    source = write_file(instance, "a.txt")
    inode = source.stat().st_ino
    stored = blobs.adopt_file(instance, JOB, source, "a.txt")
    assert (instance / stored.path).stat().st_ino == inode


def test_a_file_from_another_disk_is_copied(instance: Path) -> None:
    source = Path("/dev/shm") / f"switchyard-test-{os.getpid()}"
    source.write_bytes(b"x" * 200_000)
    try:
        if source.stat().st_dev == instance.parent.stat().st_dev:
            pytest.skip("no second file system here")
        instance.mkdir()
        stored = blobs.adopt_file(instance, JOB, source, "a.txt")
        assert (instance / stored.path).read_bytes() == b"x" * 200_000
        assert stored.size == 200_000
    finally:
        source.unlink(missing_ok=True)


def test_a_link_is_stored_as_the_file_that_it_names(instance: Path) -> None:
    target = write_file(instance, "release-2.tar")
    link = target.with_name("latest.tar")
    link.symlink_to(target)
    stored = blobs.adopt_file(instance, JOB, link, "latest.tar")
    path = blobs.resolve_file(instance, stored.path)
    assert path is not None
    assert path.read_bytes() == b"data"
    assert target.exists()


def test_a_file_with_another_name_is_copied_so_that_nobody_can_change_it(instance: Path) -> None:
    source = write_file(instance, "a.txt")
    other_name = source.with_name("b.txt")
    other_name.hardlink_to(source)
    stored = blobs.adopt_file(instance, JOB, source, "a.txt")
    other_name.write_bytes(b"changed")
    assert (instance / stored.path).read_bytes() == b"data"


def test_what_is_no_regular_file_is_refused_at_once(instance: Path) -> None:
    pipe = write_file(instance, "x").with_name("pipe")
    os.mkfifo(pipe)
    for source in (pipe, pipe.parent):
        with pytest.raises(OSError, match=r"Not a regular file|Is a directory"):
            blobs.adopt_file(instance, JOB, source, "x")
    with pytest.raises(FileNotFoundError):
        blobs.adopt_file(instance, JOB, pipe.with_name("missing"), "x")
    assert not (instance / "files").exists()


@pytest.mark.parametrize(
    ("name", "filename", "key_name"),
    [
        ("Größe öß.csv", "Gr_e _.csv", "gr_e__.csv"),
        ("../../etc/passwd", ".._.._etc_passwd", ".._.._etc_passwd"),
        ("..", "..", "...bin"),
        ("", "file", "file.bin"),
        ("a\r\nSet-Cookie: x", "a_Set-Cookie_ x", "a_set-cookie__x.bin"),
        ("README", "README", "readme.bin"),
        ("it's (1)!.tar.gz", "it's (1)!.tar.gz", "it_s_1_.tar.gz"),
        ("a" * 300 + ".txt", "a" * 168 + ".txt", "a" * 168 + ".txt"),
    ],
)
def test_names_are_made_safe(instance: Path, name: str, filename: str, key_name: str) -> None:
    stored = blobs.store_upload(instance, "admin", io.BytesIO(b"x"), name)
    assert (stored.filename, Path(stored.path).name) == (filename, key_name)


@given(name=st.text(max_size=300), owner=st.text(max_size=300))
def test_every_upload_can_be_found_again_and_deleted(
    tmp_path_factory: pytest.TempPathFactory, name: str, owner: str
) -> None:
    instance = tmp_path_factory.getbasetemp() / "uploads"
    stored = blobs.store_upload(instance, owner, io.BytesIO(b"12345"), name)
    assert stored.size == 5
    path = blobs.resolve_file(instance, stored.path)
    assert path is not None
    assert path.resolve().is_relative_to(instance.resolve() / "files")
    assert path.read_bytes() == b"12345"
    assert blobs.delete_file(instance, stored.path)
    assert not path.parent.exists()
    assert not blobs.delete_file(instance, stored.path)


def test_an_upload_that_breaks_off_leaves_nothing(instance: Path) -> None:
    class Broken(io.BytesIO):
        """A client that goes away."""

        def read(self, size: int | None = -1, /) -> bytes:
            raise OSError("gone")

    with pytest.raises(OSError, match="gone"):
        blobs.store_upload(instance, "admin", Broken(), "a.txt")
    assert list((instance / "files" / "admin").iterdir()) == []


def test_only_keys_of_stored_files_lead_to_files(instance: Path) -> None:
    stored = blobs.adopt_file(instance, JOB, write_file(instance, "a"), "a.txt")
    secret = instance / "secret-key"
    secret.write_text("secret")
    folder, name = (instance / stored.path).parent, Path(stored.path).name
    (folder / "link.txt").symlink_to(secret)
    random = folder.name
    for key in (
        "",
        "/" + stored.path,
        stored.path + "/",
        stored.path + "\n",
        stored.path.removeprefix("files/"),
        f"files/jobs/{JOB}/{random}/..",
        f"files/jobs/{JOB}/{random}/../{random}/{name}",
        f"files/jobs/{JOB}/{random}/link.txt",
        f"files/jobs/{JOB}/{random}",
        f"files/../{random}/{name}",
        f"files/jobs/../{random}/{name}",
        "files/../secret-key",
        f"files/jobs/{JOB}/{random}/{name}\0",
        f"files/jobs/{JOB}/{random}/{'x' * 255}",
    ):
        assert blobs.resolve_file(instance, key) is None, key
    assert blobs.resolve_file(instance, stored.path) is not None
