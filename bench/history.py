"""How fast history is: get_job and searches among a million finished jobs, and ping meanwhile.

`BENCH_JOBS` says how many jobs, `BENCH_DATABASE_URL` which database; without it is SQLite. A
database that has these jobs already is measured as it is.
"""

import multiprocessing
import os
import random
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from multiprocessing.queues import Queue
from pathlib import Path
from urllib.parse import quote

import sqlalchemy as sa

from bench.client import Connection
from bench.figures import Figure, percentile, report
from bench.history_filling import EVENTS, RARE_TAG, word
from bench.server import KEY, ROOT, Switchyard

JOBS = int(os.environ.get("BENCH_JOBS", "1000000"))
DATABASE_URL = os.environ.get("BENCH_DATABASE_URL", "")
_REQUESTS = 300
_PAGE = 50
_FAR_PAGE = 10_000
_PING_PAUSE_SECONDS = 0.005
_PATIENCE_SECONDS = 60
_SEARCH = f"/api/app/search_jobs/v1?limit={_PAGE}"

Paths = Iterator[str]


def measure() -> list[Figure]:
    """Milliseconds of each kind of request, one at a time, while another client pings."""
    settings = {"SWITCHYARD_RETENTION_JOBS": "0"}
    if DATABASE_URL:
        settings["SWITCHYARD_DATABASE_URL"] = DATABASE_URL
    with Switchyard(settings) as server:
        return _filling(server, settings) + _latencies(server)


def _filling(server: Switchyard, settings: dict[str, str]) -> list[Figure]:
    """Fill the database, unless it is full already."""
    figures = [Figure("jobs in the history", JOBS, "")]
    with server.connect() as connection:
        have = connection.call("search_jobs/v1", limit=1)["list"]["length"]
    if have != JOBS:
        empty = _database_bytes(server)
        seconds = _fill(server, settings)
        written = _database_bytes(server) - empty
        figures.append(Figure("jobs written a second", JOBS / seconds, ""))
        figures.append(Figure("bytes on disk per job", written / JOBS, ""))
    return figures


def _fill(server: Switchyard, settings: dict[str, str]) -> float:
    """Write the jobs; returns the seconds that it took."""
    instance = str(server.folder / "instance")
    started = time.monotonic()
    subprocess.run(
        [sys.executable, "-m", "bench.history_filling", str(JOBS)],
        cwd=ROOT,
        env=os.environ | settings | {"SWITCHYARD_INSTANCE_PATH": instance},
        check=True,
    )
    return time.monotonic() - started


def _database_bytes(server: Switchyard) -> int:
    if DATABASE_URL:
        engine = sa.create_engine(DATABASE_URL)
        with engine.connect() as connection:
            query = sa.text("SELECT pg_database_size(current_database())")
            size = int(connection.scalar(query) or 0)
        engine.dispose()
        return size
    files = Path(server.folder / "instance").glob("switchyard.db*")
    return sum(path.stat().st_size for path in files)


def _latencies(server: Switchyard) -> list[Figure]:
    figures: list[Figure] = []
    pings: Queue[list[float]] = multiprocessing.Queue()
    stop = multiprocessing.Event()
    # A process of its own: threads here would disturb the clock of the pings.
    pinging = multiprocessing.Process(target=_ping, args=(server.port, stop.is_set, pings))
    pinging.start()
    try:
        with server.connect() as connection:
            for name, paths in _kinds(connection).items():
                times = _times(connection, paths)
                target = None if name in _WITHOUT_TARGET else 100
                p99 = percentile(times, 99)
                figures.append(Figure(f"{name}, p99", p99, "ms", at_most=target))
                figures.append(Figure(f"{name}, p50", percentile(times, 50), "ms"))
    finally:
        stop.set()
        times = pings.get(timeout=_PATIENCE_SECONDS)
        pinging.join()
    ping = Figure("ping meanwhile, p99", percentile(times, 99), "ms", at_most=20)
    return [*figures, ping]


def _ping(port: int, is_over: Callable[[], bool], found: "Queue[list[float]]") -> None:
    """Ask until it is over, over several connections, so that all workers are asked."""
    times: list[float] = []
    connections = [Connection(port, KEY) for _ in range(8)]
    while not is_over():
        for connection in connections:
            started = time.perf_counter()
            connection.get("/api/app/ping/v1")
            times.append((time.perf_counter() - started) * 1000)
            time.sleep(_PING_PAUSE_SECONDS)
    found.put(times)


def _times(connection: Connection, paths: Paths) -> list[float]:
    """Milliseconds of requests; the first ones warm up."""
    times = []
    for _ in range(_REQUESTS):
        path = next(paths)
        started = time.perf_counter()
        connection.get(path)
        times.append((time.perf_counter() - started) * 1000)
    return times


#: What is only shown beside the rest: what has to be counted, and a far page by its offset.
_WITHOUT_TARGET = ("an event's failures", "text, a word of most logs", "far page by offset")


def _kinds(connection: Connection) -> dict[str, Paths]:
    """The kinds of requests, each with paths that go on for ever."""
    far = min(_FAR_PAGE, JOBS // _PAGE - 1)
    cursor = _cursor(connection, far)
    return {
        "get_job": _jobs(connection),
        "an event's jobs by time": _varied("event:event{}", EVENTS, "&sort_by=completed"),
        "a tag of nearly all jobs": _same("tags:_success"),
        "a rare tag": _same(f"tags:{RARE_TAG}"),
        "an event's failures": _varied("event:event{} code:-0", EVENTS),
        "text, a rare word": _words(2_000, 19_000),
        "text, a word of one log in a hundred": _words(900, 1_100),
        "text, a word of most logs": _words(1, 5),
        "page 1": _same("*"),
        f"page {far} by cursor": _same("*", f"&cursor={cursor}"),
        "far page by offset": _same("*", f"&offset={(far - 1) * _PAGE}"),
    }


def _cursor(connection: Connection, page: int) -> str:
    """What page `page` begins behind."""
    offset = max(page - 2, 0) * _PAGE
    reply = connection.call("search_jobs/v1", offset=offset, limit=_PAGE, select="id")
    return str(reply["list"]["cursor"])


def _jobs(connection: Connection) -> Paths:
    """Jobs from all over the history."""
    ids: list[str] = []
    for part in range(10):
        wanted = {"offset": part * JOBS // 10, "limit": _REQUESTS // 10, "select": "id"}
        reply = connection.call("search_jobs/v1", **wanted)
        ids += [row["id"] for row in reply["rows"]]
    while True:
        yield f"/api/app/get_job/v1?id={random.choice(ids)}"  # noqa: S311 - no secret


def _varied(query: str, amount: int, more: str = "") -> Paths:
    while True:
        yield from _same(query.format(random.randrange(amount)), more, times=1)  # noqa: S311


def _words(low: int, high: int) -> Paths:
    while True:
        yield from _same(f"text:{word(random.randrange(low, high))}", times=1)  # noqa: S311


def _same(query: str, more: str = "", *, times: int = _REQUESTS) -> Paths:
    for _ in range(times):
        yield f"{_SEARCH}&query={quote(query)}{more}"


if __name__ == "__main__":
    report(measure)
