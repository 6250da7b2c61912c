"""How fast `ping` is while 8 clients submit runs."""

import multiprocessing
import threading
import time
from collections.abc import Callable
from contextlib import ExitStack
from itertools import cycle

from bench.client import Connection
from bench.figures import Bare, Figure, percentile, report
from bench.server import KEY, BareServer, Switchyard

CLIENTS = 8
_SECONDS = 10.0
#: Before pings count: the queue has to be busy.
_WARM_UP_SECONDS = 1.0
_PAUSE_SECONDS = 0.003
#: More than one connection, so that all workers are asked.
_CONNECTIONS = 8


def measure() -> list[Figure]:
    """Latencies of pings, in turns with requests to a bare server on the same busy machine."""
    with Switchyard() as server, BareServer() as bare_server:
        event = server.create_event("#!/bin/sh\ntrue\n")
        duration = _WARM_UP_SECONDS + _SECONDS
        # A process of its own: threads here would disturb the clock of the pings.
        load = multiprocessing.Process(target=_submit_all, args=(server.port, event, duration))
        load.start()
        time.sleep(_WARM_UP_SECONDS)
        ends = time.monotonic() + _SECONDS
        pairs = ask(server, bare_server, lambda: time.monotonic() < ends)
        load.join()
    pings, bares = zip(*pairs, strict=True)
    return [
        Figure(
            f"ping while {CLIENTS} clients submit, p99",
            percentile(pings, 99),
            "ms",
            Bare("bare view beside it", percentile(bares, 99)),
            at_most=50,
        ),
        Figure(
            "ping, p50",
            percentile(pings, 50),
            "ms",
            Bare("bare view beside it", percentile(bares, 50)),
        ),
    ]


def ask(
    server: Switchyard, bare_server: BareServer, goes_on: Callable[[], bool]
) -> list[tuple[float, float]]:
    """Milliseconds of pings and of requests to the bare server, in turns."""
    with ExitStack() as stack:
        connections = [
            (stack.enter_context(server.connect()), stack.enter_context(bare_server.connect()))
            for _ in range(_CONNECTIONS)
        ]
        pairs = []
        for ours, bare in cycle(connections):
            pairs.append((_milliseconds(ours, "/api/app/ping/v1"), _milliseconds(bare, "/bare")))
            time.sleep(_PAUSE_SECONDS)
            if not goes_on():
                break
    return pairs


def _milliseconds(connection: Connection, path: str) -> float:
    started = time.perf_counter()
    connection.get(path)
    return (time.perf_counter() - started) * 1000


def _submit_all(port: int, event: str, seconds: float) -> None:
    """Submit runs with several clients, each as fast as it is answered."""
    clients = [
        threading.Thread(target=_submit, args=(port, event, seconds)) for _ in range(CLIENTS)
    ]
    for client in clients:
        client.start()
    for client in clients:
        client.join()


def _submit(port: int, event: str, seconds: float) -> None:
    ends = time.monotonic() + seconds
    with Connection(port, KEY) as connection:
        while time.monotonic() < ends:
            connection.call("run_event/v1", id=event)


if __name__ == "__main__":
    report(measure)
