"""How many `true` jobs finish a second when 8 clients submit 1,000 as fast as they can."""

import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from itertools import chain
from typing import Any

from bench.client import Connection, UnexpectedReplyError
from bench.figures import Bare, Figure, report
from bench.server import Switchyard
from bench.spawning import spawns_per_second

CLIENTS = 8
JOBS = 1000
#: How many jobs one look asks for; looks cost what is measured, so they are few.
_CHUNK = 200
_LOOK_SECONDS = 0.1
_DEADLINE_SECONDS = 300.0


def measure() -> list[Figure]:
    """Finished jobs a second, from the first submission to the last end."""
    bare = Bare("`sh -c true` in a loop", spawns_per_second(JOBS))
    with Switchyard() as server:
        event = server.create_event("#!/bin/sh\ntrue\n")
        _submit_and_await(server, event, CLIENTS)
        submit_seconds, seconds = _submit_and_await(server, event, JOBS)
    return [
        Figure(f"{JOBS} jobs by {CLIENTS} clients", JOBS / seconds, "jobs/s", bare, at_least=120),
        Figure("accepted while they submitted", JOBS / submit_seconds, "jobs/s"),
    ]


def _submit_and_await(server: Switchyard, event: str, count: int) -> tuple[float, float]:
    """Seconds from the first submission to the last reply, and to the end of the last job."""
    started = time.time()
    ids = submit(server, event, count)
    submitted = time.time()
    with server.connect() as connection:
        await_end(connection, ids)
        ended = max(job["completed"] for job in _jobs(connection, ids))
    return submitted - started, ended - started


def submit(server: Switchyard, event: str, count: int) -> list[str]:
    """Run an event so many times, by all clients at the same time; the jobs' ids."""
    with ThreadPoolExecutor(CLIENTS) as pool, ExitStack() as stack:
        connections = [stack.enter_context(server.connect()) for _ in range(CLIENTS)]

        def share(connection: Connection) -> list[str]:
            runs = range(count // CLIENTS)
            return [connection.call("run_event/v1", id=event)["id"] for _ in runs]

        return list(chain.from_iterable(pool.map(share, connections)))


def await_end(connection: Connection, ids: list[str]) -> None:
    """Wait until all jobs are in the history."""
    deadline = time.monotonic() + _DEADLINE_SECONDS
    # The last one first: when it has ended, hardly any other is left.
    for job_id in reversed(ids):
        while not connection.call("get_job/v1", id=job_id)["job"].get("final"):
            if time.monotonic() > deadline:
                raise UnexpectedReplyError(f"job {job_id} does not end")
            time.sleep(_LOOK_SECONDS)


def _jobs(connection: Connection, ids: list[str]) -> list[dict[str, Any]]:
    """The jobs; raises if one failed."""
    jobs = [
        job
        for start in range(0, len(ids), _CHUNK)
        for job in connection.call("get_jobs/v1", ids=ids[start : start + _CHUNK])["jobs"]
    ]
    if failed := [job for job in jobs if job["code"] != 0]:
        raise UnexpectedReplyError(f"{len(failed)} jobs failed, one of them: {failed[0]}")
    return jobs


if __name__ == "__main__":
    report(measure)
