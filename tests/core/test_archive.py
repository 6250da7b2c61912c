"""Archives of logs: every range reads as from the plain file, and no crash loses a byte."""

import contextlib
import gzip
import os
import random
import signal
import subprocess
import sys
import time
import tracemalloc
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from core import archive
from core.archive import BLOCK_BYTES, STEP_BYTES, ArchivedLog, BytesLog, PlainLog, StoredLog

ROOT = Path(__file__).resolve().parents[2]


def random_log(size: int, seed: int = 1) -> bytes:
    """Text-like bytes of which half compress well and half not at all."""
    source = random.Random(seed)
    half = source.randbytes(size // 2)
    return (half + b"a line of the log\n" * (size // 18 + 1))[:size]


def write_archive(folder: Path, data: bytes) -> tuple[Path, Path]:
    plain = folder / "job.log"
    plain.write_bytes(data)
    path, index = folder / "job.log.gz", folder / "job.log.idx"
    assert archive.archive(plain, path, index)
    assert not plain.exists()
    return path, index


def read(log: StoredLog, start: int = 0, stop: int | None = None) -> bytes:
    blocks = list(log.blocks(start, log.size if stop is None else stop))
    assert all(len(block) <= BLOCK_BYTES for block in blocks)
    return b"".join(blocks)


SIZES = [0, 1, 1000, STEP_BYTES - 1, STEP_BYTES, STEP_BYTES + 1, 3 * STEP_BYTES, 3 * STEP_BYTES + 7]


@pytest.mark.parametrize("size", SIZES)
def test_an_archive_holds_the_log_byte_for_byte(tmp_path: Path, size: int) -> None:
    data = random_log(size)
    path, index = write_archive(tmp_path, data)
    with contextlib.closing(ArchivedLog(path, index)) as log:
        assert log.size == size
        assert read(log) == data


@pytest.mark.parametrize("size", SIZES)
def test_the_stored_bytes_are_one_gzip_member_for_any_program(tmp_path: Path, size: int) -> None:
    data = random_log(size)
    path, index = write_archive(tmp_path, data)
    unpacked = subprocess.run(["gzip", "-dc", str(path)], capture_output=True, check=True)
    assert unpacked.stdout == data
    with contextlib.closing(ArchivedLog(path, index)) as log:
        packed = b"".join(log.gzip_blocks() or ())
        assert len(packed) == log.gzip_size
        assert packed == path.read_bytes()


@settings(max_examples=30, deadline=None, suppress_health_check=list(HealthCheck))
@given(data=st.data())
def test_every_range_reads_alike_from_every_form(
    tmp_path_factory: pytest.TempPathFactory, data: st.DataObject
) -> None:
    head = data.draw(st.binary(max_size=2000))
    size = data.draw(st.integers(0, 5 * STEP_BYTES // 2))
    content = head + random_log(size, seed=data.draw(st.integers(0, 9)))
    folder = tmp_path_factory.mktemp("archive")
    copy = folder / "copy"
    copy.write_bytes(content)
    path, index = write_archive(folder, content)
    logs = [BytesLog(content), PlainLog(copy), ArchivedLog(path, index)]
    edges = st.sampled_from([0, STEP_BYTES - 1, STEP_BYTES, STEP_BYTES + 1, 2 * STEP_BYTES])
    places = st.integers(0, len(content)) | edges.map(lambda edge: min(edge, len(content)))
    for _ in range(20):
        start, stop = sorted((data.draw(places), data.draw(places)))
        for log in logs:
            assert read(log, start, stop) == content[start:stop], type(log)
    for log in logs:
        log.close()


def test_the_etag_survives_archiving(tmp_path: Path) -> None:
    plain = tmp_path / "job.log"
    plain.write_bytes(b"hello\n")
    with contextlib.closing(PlainLog(plain)) as log:
        before = log.etag
    path, index = tmp_path / "job.log.gz", tmp_path / "job.log.idx"
    archive.archive(plain, path, index)
    with contextlib.closing(ArchivedLog(path, index)) as log:
        assert log.etag == before


def test_a_plain_log_keeps_the_size_it_was_opened_with(tmp_path: Path) -> None:
    path = tmp_path / "log"
    path.write_bytes(b"one\n")
    with contextlib.closing(PlainLog(path)) as log:
        etag = log.etag
        with path.open("ab") as file:
            file.write(b"two\n")
        assert read(log) == b"one\n"
        with contextlib.closing(PlainLog(path)) as later:
            assert later.etag != etag


def test_a_log_cut_off_while_it_is_read_is_an_error_and_not_a_short_log(tmp_path: Path) -> None:
    path = tmp_path / "log"
    path.write_bytes(b"x" * 1000)
    with contextlib.closing(PlainLog(path)) as log:
        os.truncate(path, 10)
        with pytest.raises(EOFError):
            read(log)


def test_an_archive_cut_off_is_an_error_and_not_a_short_log(tmp_path: Path) -> None:
    path, index = write_archive(tmp_path, random_log(2 * STEP_BYTES))
    os.truncate(path, path.stat().st_size // 2)
    with contextlib.closing(ArchivedLog(path, index)) as log, pytest.raises(EOFError):
        read(log)


def test_reading_takes_memory_of_fixed_size(tmp_path: Path) -> None:
    # Zeros are the worst case: a small piece of the archive inflates to a thousand times its size.
    plain = tmp_path / "job.log"
    plain.touch()
    os.truncate(plain, 64 * STEP_BYTES)
    path, index = tmp_path / "job.log.gz", tmp_path / "job.log.idx"
    tracemalloc.start()
    try:
        assert archive.archive(plain, path, index)
        with contextlib.closing(ArchivedLog(path, index)) as log:
            assert sum(len(block) for block in log.blocks(0, log.size)) == 64 * STEP_BYTES
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert peak < STEP_BYTES


def test_a_range_far_into_an_archive_does_not_read_what_is_before_it(tmp_path: Path) -> None:
    path, index = write_archive(tmp_path, random_log(8 * STEP_BYTES))
    with path.open("r+b") as file:
        # What is overwritten here could not be inflated any more.
        file.seek(10)
        file.write(b"\xff" * STEP_BYTES)
    with contextlib.closing(ArchivedLog(path, index)) as log:
        assert (
            read(log, 7 * STEP_BYTES, 7 * STEP_BYTES + 5)
            == random_log(8 * STEP_BYTES)[7 * STEP_BYTES : 7 * STEP_BYTES + 5]
        )


def test_a_log_that_another_archiver_works_on_is_left_alone(tmp_path: Path) -> None:
    plain, path, index = (tmp_path / name for name in ("a.log", "a.log.gz", "a.log.idx"))
    plain.write_bytes(b"text\n")
    with plain.open("rb") as other:
        assert archive._lock(other)
        assert not archive.archive(plain, path, index)
        assert sorted(tmp_path.iterdir()) == [plain]
    assert archive.archive(plain, path, index)


def test_a_full_disk_leaves_the_plain_log_and_no_remains(tmp_path: Path) -> None:
    plain = tmp_path / "job.log"
    plain.write_bytes(random_log(4 * STEP_BYTES))
    code = (
        "import resource, signal, sys; from pathlib import Path; from core import archive\n"
        "signal.signal(signal.SIGXFSZ, signal.SIG_IGN)\n"
        "resource.setrlimit(resource.RLIMIT_FSIZE, (1 << 20, 1 << 20))\n"
        "archive.archive(*map(Path, sys.argv[1:]))"
    )
    result = run_archiver(code, tmp_path).communicate(timeout=30)
    assert b"OSError" in result[1]
    assert list(tmp_path.iterdir()) == [plain]
    assert plain.read_bytes() == random_log(4 * STEP_BYTES)


ARCHIVER = (
    "import sys; from pathlib import Path; from core import archive\n"
    "print('ready', flush=True); archive.archive(*map(Path, sys.argv[1:]))\n"
    "print('done', flush=True); sys.stdin.read()"
)


def run_archiver(code: str, folder: Path) -> subprocess.Popen[bytes]:
    names = [str(folder / name) for name in ("job.log", "job.log.gz", "job.log.idx")]
    return subprocess.Popen(
        [sys.executable, "-c", code, *names],
        cwd=ROOT,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    )


def kill_archiver_after(folder: Path, delay_seconds: float) -> None:
    with run_archiver(ARCHIVER, folder) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == b"ready\n"
        time.sleep(delay_seconds)
        process.send_signal(signal.SIGKILL)


def open_any(folder: Path) -> StoredLog:
    with contextlib.suppress(FileNotFoundError):
        return PlainLog(folder / "job.log")
    return ArchivedLog(folder / "job.log.gz", folder / "job.log.idx")


def test_an_archiver_killed_at_any_moment_leaves_the_whole_log(tmp_path: Path) -> None:
    data = random_log(2 * STEP_BYTES)
    started = time.monotonic()
    write_archive(tmp_path, data)
    # Half of the kills fall into the compression, the others around its last steps.
    duration = time.monotonic() - started
    source = random.Random(os.getpid())
    for round_number in range(16):
        folder = tmp_path / str(round_number)
        folder.mkdir()
        (folder / "job.log").write_bytes(data)
        kill_archiver_after(folder, source.uniform(0.8 * (round_number % 2), 1.3) * duration)
        with contextlib.closing(open_any(folder)) as log:
            assert read(log) == data
        # The next archiver finishes what the killed one began, and tidies up.
        paths = [folder / name for name in ("job.log", "job.log.gz", "job.log.idx")]
        archive.archive(*paths)
        assert not paths[0].exists()
        assert gzip.decompress(paths[1].read_bytes()) == data
        assert sorted(folder.iterdir()) == paths[1:]


#: Opening, dating, naming and deleting files: after so many of these the archiver is done.
LAST_STEP = 11


@pytest.mark.parametrize("step", range(1, LAST_STEP + 1))
def test_a_crash_before_any_change_of_the_disk_leaves_the_whole_log(
    tmp_path: Path, step: int
) -> None:
    data = random_log(STEP_BYTES + 5)
    (tmp_path / "job.log").write_bytes(data)
    code = (
        "import os, sys; from pathlib import Path; from core import archive\n"
        f"left = {step}\n"
        "EVENTS = {'os.rename', 'os.remove', 'os.utime', 'open'}\n"
        "def hook(event, arguments):\n"
        "    global left\n"
        "    if event in EVENTS and 'job.log' in str(arguments) or event == 'os.utime':\n"
        "        left -= 1\n"
        "        if left == 0: os.kill(os.getpid(), 9)\n"
        "sys.addaudithook(hook)\n"
        "archive.archive(*map(Path, sys.argv[1:]))"
    )
    with run_archiver(code, tmp_path) as process:
        process.communicate(timeout=30)
    assert process.returncode == (0 if step == LAST_STEP else -signal.SIGKILL)
    with contextlib.closing(open_any(tmp_path)) as log:
        assert read(log) == data
