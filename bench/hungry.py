"""What jobs that ask too much cost everybody else: pings meanwhile, memory, their own records."""

import sys
import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from bench import processes
from bench.figures import MIB, Bare, Figure, percentile, report
from bench.ping_under_load import ask
from bench.server import BareServer, Switchyard

Job = Mapping[str, Any]

_SAMPLE_SECONDS = 0.25
#: A hungry job may take this long.
_PATIENCE_SECONDS = 180.0
_MOST_MIB = 64
_PYTHON = f"#!{sys.executable} -I\n"
_LOG_BYTES = 1024 * MIB
_MESSAGES_A_SECOND = 10_000
_MESSAGE_SECONDS = 10
_CHILDREN = 50
_LINES = 100
_LARGE_KEYS = "output,data,timelines,procs"

_FORKS = f"""#!/bin/sh
for i in $(seq {_CHILDREN}); do
  (for n in $(seq 20); do sleep 0.5; done) &
done
wait
"""
_LOG = f"""#!/bin/sh
yes 'one more line of a log that nobody will ever read to its end' | head -c {_LOG_BYTES}
"""
_PROGRESS = f"""{_PYTHON}
import json, time
began, number = time.monotonic(), 0
while number < {_MESSAGE_SECONDS * _MESSAGES_A_SECOND}:
    lines = []
    for _ in range({_MESSAGES_A_SECOND // 100}):
        number += 1
        share = number / {_MESSAGE_SECONDS * _MESSAGES_A_SECOND}
        lines.append(json.dumps({{"xy": 1, "progress": share, "status": f"step {{number}}"}}))
    print("\\n".join(lines), flush=True)
    time.sleep(max(0, began + number / {_MESSAGES_A_SECOND} - time.monotonic()))
"""
_LARGE = f"""{_PYTHON}
import json, time
for number in range(1, {_LINES} + 1):
    text = str(number) + "x" * 1_000_000
    print(json.dumps({{"xy": 1, "data": {{"number": number, "text": text}}}}), flush=True)
    time.sleep(0.1)
"""
_GROWING = f"""{_PYTHON}
import json, time
for number in range({_LINES}):
    print(json.dumps({{"xy": 1, "data": {{"rows": ["x" * 100] * 9000}}}}), flush=True)
    time.sleep(0.1)
"""


@dataclass(frozen=True)
class Appetite:
    """A kind of hungry job, and whether its record is what it has to be."""

    name: str
    script: str
    is_right: Callable[[Job], bool]


APPETITES = (
    Appetite("50 children", _FORKS, lambda job: _most_listed(job) > _CHILDREN),
    Appetite("1 GiB of log", _LOG, lambda job: job["log_file_size"] == _LOG_BYTES),
    Appetite("10,000 messages a second", _PROGRESS, lambda job: job["elapsed"] < 60),
    Appetite("1 MB lines of JSON", _LARGE, lambda job: job["data"]["number"] == _LINES),
    Appetite("1 MB lines that add up", _GROWING, lambda job: len(job["data"]["rows"]) >= 36_000),
)


def measure() -> list[Figure]:
    """Each appetite alone, on a server that has been used before."""
    figures: list[Figure] = []
    for appetite in APPETITES:
        with Switchyard() as server, BareServer() as bare_server:
            figures += _measure(appetite, server, bare_server)
    return figures


def _measure(appetite: Appetite, server: Switchyard, bare_server: BareServer) -> list[Figure]:
    _warm_up(server)
    memory = Memory(server)
    job = Watched(server, server.create_event(appetite.script))
    pairs = ask(server, bare_server, lambda: job.is_live)
    grown = memory.stop()
    pings, bares = zip(*pairs, strict=True)
    beside = Bare("bare view beside it", percentile(bares, 99))
    is_right = job.record.get("code") == 0 and appetite.is_right(job.record)
    return [
        Figure(f"{appetite.name}: ping, p99", percentile(pings, 99), "ms", beside, at_most=50),
        Figure(f"{appetite.name}: more memory, at most", grown, "MiB", at_most=_MOST_MIB),
        Figure(f"{appetite.name}: seconds", job.record.get("elapsed", 0.0), "s"),
        Figure(f"{appetite.name}: right records", float(is_right), "", at_least=1),
    ]


def _most_listed(job: Job) -> int:
    return max(len(entry["procs"]) for entry in job["timelines"]["second"])


def _warm_up(server: Switchyard) -> None:
    """Have everything loaded that a job needs."""
    event = server.create_event("#!/bin/sh\necho '50%'\nsleep 1.2\n")
    for _ in range(4):
        with server.connect() as connection:
            job_id = connection.call("run_event/v1/wait", id=event)["job"]["id"]
            connection.call("get_job/v1", id=job_id)


class Watched:
    """A job that is awaited by a thread of its own."""

    def __init__(self, server: Switchyard, event: str) -> None:
        self.record: Job = {}
        self._ends = time.monotonic() + _PATIENCE_SECONDS
        with server.connect() as connection:
            self._id = connection.call("run_event/v1", id=event)["id"]
        self._server = server
        self._thread = threading.Thread(target=self._follow)
        self._thread.start()

    @property
    def is_live(self) -> bool:
        """Whether it still runs, and may do so."""
        return self._thread.is_alive() and time.monotonic() < self._ends

    def _follow(self) -> None:
        """Look at it once a second; the whole only at its end: parsing it disturbs the pings."""
        with self._server.connect() as connection:
            while time.monotonic() < self._ends:
                time.sleep(1)
                reply = connection.call("get_job/v1", id=self._id, remove=_LARGE_KEYS)
                if reply["job"].get("final"):
                    self.record = connection.call("get_job/v1", id=self._id)["job"]
                    return


class Memory:
    """How much more memory than now any program of the server takes, MiB."""

    def __init__(self, server: Switchyard) -> None:
        self._pids = [*server.workers, server.engine, *server.launchers]
        self._before = {pid: processes.memory_bytes(pid) for pid in self._pids}
        self._most = 0.0
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._watch)
        self._thread.start()

    def stop(self) -> float:
        """The most that one of them took beyond what it had."""
        self._stopping.set()
        self._thread.join()
        return self._most

    def _watch(self) -> None:
        while not self._stopping.wait(_SAMPLE_SECONDS):
            grown = {pid: processes.memory_bytes(pid) - self._before[pid] for pid in self._pids}
            self._most = max(self._most, *(value / MIB for value in grown.values()))


if __name__ == "__main__":
    report(measure)
