"""Where runs and logs of an instance lie on disk; nothing else knows.

Below the instance's folder:

    runs/<job>/<launch>/log                 the log of a run, while the launcher writes it
    logs/<end of job>/<job>.log             a finished job's log; later <job>.log.gz and .log.idx

Files lie beside them: `core.stored_files`.
"""

import os
import re
from pathlib import Path

from core import archive, stored_files, trees
from core.archive import BytesLog, PlainLog, StoredLog

#: What may stand in a path as a job or launch: no dots and no slashes, so never another folder.
_ID = re.compile(r"[a-z0-9_]{1,64}")


def run_dir(instance: Path, job: str, launch: str) -> Path:
    """The folder of one run, which the launcher makes and fills."""
    return instance / "runs" / _checked(job) / _checked(launch)


def live_log(instance: Path, job: str, launch: str) -> Path:
    """The log that a running process writes."""
    return run_dir(instance, job, launch) / "log"


def log_path(instance: Path, job: str) -> Path:
    """The plain log of a finished job; the last characters of ids spread best."""
    return instance / "logs" / _checked(job)[-2:] / f"{job}.log"


def adopt_log(instance: Path, job: str, source: Path) -> int:
    """Move a run's log to where finished logs lie; its size in bytes.

    Idempotent: where the source was adopted before, the adopted log's size is returned. Raises
    `FileNotFoundError` when there is neither.
    """
    target = log_path(instance, job)
    stored_files.make_folders(target.parent)
    try:
        source.replace(target)
    except FileNotFoundError:
        log = open_log(instance, job)
        if log is None:
            raise
        log.close()
        return log.size
    return target.stat().st_size


def head(instance: Path, job: str, size_bytes: int) -> bytes:
    """The beginning of a finished job's log, at most so many bytes; empty where there is none."""
    log = open_log(instance, job)
    if log is None:
        return b""
    try:
        return b"".join(log.blocks(0, min(log.size, size_bytes)))
    finally:
        log.close()


def archive_log(instance: Path, job: str) -> bool:
    """Compress a finished job's plain log; False when there is nothing to do."""
    return archive.archive(*_log_files(instance, job))


def archive_bytes(instance: Path, job: str) -> int:
    """What a finished job's compressed log takes on disk, with its index."""
    _, *archive_files = _log_files(instance, job)
    return sum(path.stat().st_size for path in archive_files if path.exists())


def open_log(instance: Path, job: str, launch: str | None = None) -> StoredLog | None:
    """The job's log in whichever file it is now, that of a running `launch` included.

    The places are tried in the order in which a log moves, so that one on its way is not missed.
    """
    plain, packed, index = _log_files(instance, job)
    places = [plain] if launch is None else [live_log(instance, job, launch), plain]
    for place in places:
        try:
            return PlainLog(place)
        except FileNotFoundError:
            continue
    try:
        return archive.ArchivedLog(packed, index)
    except FileNotFoundError:
        return None


def open_file(instance: Path, key: str) -> StoredLog | None:
    """The stored file that has this key, to be sent; None where there is none."""
    descriptor = stored_files.open_file(instance, key)
    return None if descriptor is None else PlainLog(descriptor)


def open_bytes(data: bytes) -> StoredLog:
    """A log that lies in the database."""
    return BytesLog(data)


def tail(path: Path, size: int) -> str:
    """The last `size` bytes of a log as text, from its first whole line on; empty without a file.

    A chunk without any line end is shown as it is: better half a line than nothing.
    """
    try:
        file = path.open("rb")
    except FileNotFoundError:
        return ""
    with file:
        start = max(0, os.fstat(file.fileno()).st_size - size)
        chunk = os.pread(file.fileno(), size, start)
    if start:
        chunk = chunk.partition(b"\n")[2] or chunk
    return chunk.decode("utf-8", "replace")


def delete_job_blobs(instance: Path, job: str) -> None:
    """Delete all that lies on disk for a job that has ended; what is gone already is no error."""
    # The plain log goes first: an archiver at work then sees it, and takes its archive back.
    plain, packed, index = _log_files(instance, job)
    for path in (plain, packed, index, archive.temporary(packed), archive.temporary(index)):
        path.unlink(missing_ok=True)
    stored_files.delete_of_job(instance, job)
    trees.delete(instance / "runs" / job)


def delete_run(instance: Path, job: str, launch: str) -> None:
    """Delete what a run left on disk, its work folder beside it included."""
    folder = run_dir(instance, job, launch)
    for path in (*work_folders(folder), folder):
        trees.delete(path)
    try:
        folder.parent.rmdir()
    except OSError:
        # Another run of the same job is still there, or it is gone already.
        return


def work_folders(run: Path) -> tuple[Path, Path]:
    """Where a run's process may work: beside its run folder, when input files were put there."""
    return run.with_name(f"{run.name}_work"), run / "work"


def _log_files(instance: Path, job: str) -> tuple[Path, Path, Path]:
    """The plain log, its archive and the archive's index, of which not all exist."""
    plain = log_path(instance, job)
    return plain, plain.with_suffix(".log.gz"), plain.with_suffix(".log.idx")


def _checked(job: str) -> str:
    if not _ID.fullmatch(job):
        raise ValueError(f"not an id: {job!r}")
    return job
