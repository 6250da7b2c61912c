"""What downloading a 200 MB log costs the web worker, and how soon it begins."""

import threading
import time
from pathlib import Path

from bench import processes
from bench.client import Connection, UnexpectedReplyError, head
from bench.figures import MIB, Bare, Figure, percentile, report
from bench.server import BareServer, Server, Switchyard

LOG_BYTES = 200_000_000
DOWNLOADS = 5
_SAMPLE_SECONDS = 0.01
_ARCHIVE_SECONDS = 60.0
_LINE = "2026-01-01 00:00:00 INFO packing file {0} of many, nothing to worry about"


def measure() -> list[Figure]:
    """Growth of the worker that sends the log, and the time to its first byte."""
    with Switchyard() as server, BareServer() as bare_server:
        job_id, token = _make_log(server)
        plain = f"/api/app/download_job_log/v1?id={job_id}&t={token}"
        fresh = _Downloads(server, plain)
        bare = _Downloads(bare_server, f"/file?path={_bare_file(bare_server)}")
        _await_archive(server, job_id)
        archived = _Downloads(server, plain)
        return [*fresh.figures("log", bare), *archived.figures("archived log", bare)]


class _Downloads:
    """Several downloads of one thing: the first byte's times, and the memory they took."""

    def __init__(self, server: Server, path: str) -> None:
        with _MemoryWatch(server.workers) as watch:
            self.firsts = [_download(server, path) for _ in range(DOWNLOADS)]
        self.growth_mib = watch.growth_bytes / MIB

    def figures(self, what: str, bare: "_Downloads") -> list[Figure]:
        """The figures, beside those of a bare view that sends a file of the same size."""
        name = "bare file view"
        return [
            Figure(
                f"{what} of 200 MB, growth of the web worker",
                self.growth_mib,
                "MiB",
                Bare(name, bare.growth_mib),
                at_most=16,
            ),
            Figure(
                f"{what} of 200 MB, first byte, slowest of {DOWNLOADS}",
                percentile(self.firsts, 100),
                "ms",
                Bare(name, percentile(bare.firsts, 100)),
                at_most=50,
            ),
        ]


class _MemoryWatch:
    """Samples the memory of processes while something happens."""

    def __init__(self, pids: list[int]) -> None:
        self._before = {pid: processes.memory_bytes(pid) for pid in pids}
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._sample)
        #: How much the one that grew most had grown at its peak.
        self.growth_bytes = 0

    def _sample(self) -> None:
        while not self._over.wait(_SAMPLE_SECONDS):
            for pid, before in self._before.items():
                growth = processes.memory_bytes(pid) - before
                self.growth_bytes = max(self.growth_bytes, growth)

    def __enter__(self) -> "_MemoryWatch":
        self._thread.start()
        return self

    def __exit__(self, *_error: object) -> None:
        self._over.set()
        self._thread.join()


def _make_log(server: Switchyard) -> tuple[str, str]:
    """Run a job with a large log, and a small one first; returns its id and its log's token."""
    for size in (LOG_BYTES // 1000, LOG_BYTES):
        event = server.create_event(f"#!/bin/sh\nyes '{_LINE}' | head -c {size}\n")
        with server.connect() as connection:
            job = connection.call("run_event/v1/wait", id=event)["job"]
            token = connection.call("get_job/v1", id=job["id"])["token"]
        if job["log_file_size"] != size:
            raise UnexpectedReplyError(f"the log has {job['log_file_size']} bytes, not {size}")
        _download(server, f"/api/app/download_job_log/v1?id={job['id']}&t={token}")
    return job["id"], token


def _download(server: Server, path: str) -> float:
    """Download everything; returns milliseconds until the body's first byte."""
    with server.connect() as connection:
        started = time.perf_counter()
        connection.socket.sendall(head(path, "", version="1.0"))
        received = connection.receive()
        while (end := received.find(b"\r\n\r\n")) < 0 or len(received) == end + 4:
            received += connection.receive()
        first = (time.perf_counter() - started) * 1000
        if b" 200 " not in received[: received.find(b"\r\n")]:
            raise UnexpectedReplyError(received[:500].decode("utf-8", "replace"))
        _drain(connection)
    return first


def _drain(connection: Connection) -> None:
    buffer = bytearray(MIB)
    while connection.socket.recv_into(buffer):
        pass


def _bare_file(server: BareServer) -> Path:
    path = server.folder / "file"
    line = f"{_LINE}\n".encode()
    block = line * (MIB // len(line))
    with path.open("wb") as file:
        for _ in range(LOG_BYTES // len(block)):
            file.write(block)
    return path


def _await_archive(server: Switchyard, job_id: str) -> None:
    """Wait until the log has been compressed."""
    logs = server.folder / "instance" / "logs"
    deadline = time.monotonic() + _ARCHIVE_SECONDS
    while not list(logs.rglob(f"*{job_id}*.gz")):
        if time.monotonic() > deadline:
            raise UnexpectedReplyError("the log is not being archived")
        time.sleep(0.1)


if __name__ == "__main__":
    report(measure)
