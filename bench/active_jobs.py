"""How fast lists of live jobs are: a hundred at once, and pages of ten thousand."""

import sqlite3
import time
from itertools import cycle

from bench.client import Connection
from bench.figures import Bare, Figure, percentile, report
from bench.load import requests_per_second
from bench.server import KEY, BareServer, Server, Switchyard

ROUNDS = 3
_ROUND_SECONDS = 3
QUEUED = 100
MANY_QUEUED = 10_000
_PAGES = 400
_LIST = "/api/app/get_active_jobs/v1"


def measure() -> list[Figure]:
    """Requests a second with 101 live jobs; the time of a page with many more."""
    with Switchyard() as server, BareServer() as bare_server:
        _fill(server)
        # The first round warms up both servers.
        rounds = [(_rate(server, _LIST), _rate(bare_server, "/bare")) for _ in range(ROUNDS + 1)]
        ours, bare = sorted(rounds[1:], key=lambda pair: pair[0] / pair[1])[ROUNDS // 2]
        _multiply(server)
        pages = _times(server)
    return [
        Figure(
            f"get_active_jobs, 1 active and {QUEUED} queued jobs",
            ours,
            "requests/s",
            Bare("bare view", bare),
        ),
        Figure("get_active_jobs as part of the bare view", ours / bare, "", at_least=0.3),
        Figure(f"a page of {MANY_QUEUED} jobs, p99", percentile(pages, 99), "ms", at_most=50),
        Figure("a page, p50", percentile(pages, 50), "ms"),
    ]


def _rate(server: Server, path: str) -> float:
    return requests_per_second(server.port, path, KEY, _ROUND_SECONDS)


def _fill(server: Switchyard) -> None:
    """One job that runs, and all others behind it."""
    limits = [
        {"type": "job", "enabled": True, "amount": 1},
        {"type": "queue", "enabled": True, "amount": 2 * MANY_QUEUED},
    ]
    event = server.create_event("#!/bin/sh\nsleep 600\n", limits=limits)
    with server.connect() as connection:
        for _ in range(QUEUED + 1):
            connection.call("run_event/v1", id=event)
        while _length(connection) < QUEUED:
            time.sleep(0.1)


def _length(connection: Connection) -> int:
    return int(connection.call("get_active_jobs/v1", state="queued")["list"]["length"])


def _multiply(server: Switchyard) -> None:
    """Copy a queued job in the database: to submit so many takes minutes."""
    database = sqlite3.connect(server.folder / "instance" / "switchyard.db", timeout=15)
    columns = [row[1] for row in database.execute("PRAGMA table_info(jobs)")]
    query = "SELECT * FROM jobs WHERE state = 'queued' ORDER BY seq DESC LIMIT 1"
    row = dict(zip(columns, database.execute(query).fetchone(), strict=True))
    job_id = row["id"]
    copies = []
    for number in range(MANY_QUEUED - QUEUED):
        copy_id = f"{job_id}_{number}"
        changes = {"id": copy_id, "doc": row["doc"].replace(job_id, copy_id)}
        changes |= {"seq": row["seq"] + 1 + number, "started": row["started"] + number / 1000}
        copies.append(row | changes)
    names = ", ".join(f'"{name}"' for name in columns)
    values = ", ".join(f":{name}" for name in columns)
    with database:
        database.executemany(f"INSERT INTO jobs ({names}) VALUES ({values})", copies)  # noqa: S608 - our own columns
    database.close()


def _times(server: Switchyard) -> list[float]:
    """Milliseconds that pages take, all over the list."""
    times = []
    with server.connect() as connection:
        offsets = cycle(range(0, MANY_QUEUED, 950))
        for _ in range(_PAGES):
            started = time.perf_counter()
            connection.get(f"{_LIST}?limit=50&offset={next(offsets)}")
            times.append((time.perf_counter() - started) * 1000)
    return times


if __name__ == "__main__":
    report(measure)
