"""How long `run_event/wait` of a `true` script takes on an idle server."""

import time
from collections.abc import Callable

from bench.client import UnexpectedReplyError
from bench.figures import Bare, Figure, percentile, report
from bench.server import BareServer, Switchyard
from bench.spawning import spawn_and_reap

WARM_UP = 20
RUNS = 300


def measure() -> list[Figure]:
    """Latencies of single runs, each beside a bare request and a bare process."""
    with Switchyard() as server, BareServer() as bare_server:
        event = server.create_event("#!/bin/sh\ntrue\n")
        with server.connect() as connection, bare_server.connect() as bare:

            def wait() -> None:
                job = connection.call("run_event/v1/wait", id=event)["job"]
                if job["code"] != 0:
                    raise UnexpectedReplyError(f"the job failed: {job}")

            def ask_and_spawn() -> None:
                bare.get("/bare")
                spawn_and_reap()

            turns = range(WARM_UP + RUNS)
            pairs = [(_milliseconds(wait), _milliseconds(ask_and_spawn)) for _ in turns]
    waits, bares = zip(*pairs[WARM_UP:], strict=True)
    name = "bare view and `sh -c true`"
    return [
        Figure(
            f"run_event/wait, p{percent}",
            percentile(waits, percent),
            "ms",
            Bare(name, percentile(bares, percent)),
            at_most=limit,
        )
        for percent, limit in ((50, 40), (99, 150))
    ]


def _milliseconds(work: Callable[[], None]) -> float:
    started = time.perf_counter()
    work()
    return (time.perf_counter() - started) * 1000


if __name__ == "__main__":
    report(measure)
