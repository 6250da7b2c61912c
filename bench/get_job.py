"""How fast `get_job` of a finished job is, compared with a bare Flask view."""

from dataclasses import dataclass

from bench import processes
from bench.figures import Bare, Figure, report
from bench.load import generator, requests_per_second
from bench.server import KEY, BareServer, Server, Switchyard

ROUNDS = 3
_ROUND_SECONDS = 4


@dataclass(frozen=True)
class _Speed:
    """What one server did under full load."""

    #: Requests a second.
    rate: float
    #: Processor time of the web workers for one request; other load on the machine hardly
    #: changes it.
    cost_milliseconds: float


def measure() -> list[Figure]:
    """Requests a second, in turns with the bare view; the round with the median ratio."""
    with Switchyard() as server, BareServer() as bare_server:
        event = server.create_event("#!/bin/sh\ntrue\n")
        with server.connect() as connection:
            job_id = connection.call("run_event/v1/wait", id=event)["job"]["id"]
        path = f"/api/app/get_job/v1?id={job_id}"
        # The first round warms up both servers.
        rounds = [(_load(server, path), _load(bare_server, "/bare")) for _ in range(ROUNDS + 1)]
    ours, bare = sorted(rounds[1:], key=lambda pair: pair[0].rate / pair[1].rate)[ROUNDS // 2]
    cost, bare_cost = ours.cost_milliseconds, Bare("bare view", bare.cost_milliseconds)
    return [
        Figure(
            f"get_job of a finished job, by {generator()}",
            ours.rate,
            "requests/s",
            Bare("bare view", bare.rate),
        ),
        Figure("get_job as part of the bare view", ours.rate / bare.rate, "", at_least=0.45),
        Figure("get_job, processor time", cost, "ms", bare_cost),
    ]


def _load(server: Server, path: str) -> _Speed:
    used = processes.processor_seconds(server.workers)
    rate = requests_per_second(server.port, path, KEY, _ROUND_SECONDS)
    used = processes.processor_seconds(server.workers) - used
    return _Speed(rate, used * 1000 / (rate * _ROUND_SECONDS))


if __name__ == "__main__":
    report(measure)
