"""What an idle server costs: memory of its programs, processor time of all of them."""

import time

from bench import processes
from bench.figures import MIB, Bare, Figure, report
from bench.server import BareServer, Server, Switchyard

#: Used before, so that nothing is left to be loaded.
_JOBS = 20
_SETTLE_SECONDS = 10.0
_SECONDS = 60.0


def measure() -> list[Figure]:
    """Memory after an idle minute, and processor time in it."""
    with Switchyard() as server, BareServer() as bare_server:
        _use(server, bare_server)
        time.sleep(_SETTLE_SECONDS)
        ours, bare = _Clock(server), _Clock(bare_server)
        time.sleep(_SECONDS)
        percent, bare_percent = ours.percent, Bare("bare server", bare.percent)
        total = Figure("idle, all together", percent, "% of a core", bare_percent, at_most=1)
        return [total, *_memory(server, bare_server)]


def _memory(server: Switchyard, bare_server: BareServer) -> list[Figure]:
    """The largest process of each kind."""
    worker = Bare("bare worker", max(map(_mib, bare_server.workers)))
    return [
        Figure(f"idle, {name}", max(map(_mib, pids)), "MiB", worker, at_most=limit)
        for name, pids, limit in (
            ("web worker", server.workers, 80),
            ("engine", [server.engine], 80),
            ("launcher", server.launchers, 20),
        )
    ]


def _use(server: Switchyard, bare_server: BareServer) -> None:
    event = server.create_event("#!/bin/sh\necho hello\n")
    for _ in range(_JOBS):
        with server.connect() as connection, bare_server.connect() as bare:
            job_id = connection.call("run_event/v1/wait", id=event)["job"]["id"]
            connection.call("get_job/v1", id=job_id)
            bare.get("/bare")


class _Clock:
    """The processor time that a server uses from now on."""

    def __init__(self, server: Server) -> None:
        self._pids = server.all_processes
        self._used = processes.processor_seconds(self._pids)
        self._started = time.monotonic()

    @property
    def percent(self) -> float:
        """Its share of one core since then."""
        used = processes.processor_seconds(self._pids) - self._used
        return used / (time.monotonic() - self._started) * 100


def _mib(pid: int) -> float:
    return processes.memory_bytes(pid) / MIB


if __name__ == "__main__":
    report(measure)
