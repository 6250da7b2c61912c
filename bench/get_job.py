"""How fast `get_job` of a finished job is, compared with a bare Flask view."""

from statistics import median

from bench.figures import Bare, Figure, run
from bench.load import generator, requests_per_second
from bench.server import KEY, BareServer, Switchyard

ROUNDS = 3
_ROUND_SECONDS = 4


def measure() -> list[Figure]:
    """Requests a second, in turns with the bare view; the median of the rounds' ratios."""
    with Switchyard() as server, BareServer() as bare_server:
        event = server.create_event("#!/bin/sh\ntrue\n")
        with server.connect() as connection:
            job_id = connection.call("run_event/v1/wait", id=event)["job"]["id"]
        path = f"/api/app/get_job/v1?id={job_id}"
        rounds = []
        # The first round warms up both servers.
        for _ in range(ROUNDS + 1):
            bare = requests_per_second(bare_server.port, "/bare", KEY, _ROUND_SECONDS)
            rounds.append((requests_per_second(server.port, path, KEY, _ROUND_SECONDS), bare))
    rate, bare = sorted(rounds[1:], key=lambda pair: pair[0] / pair[1])[ROUNDS // 2]
    return [
        Figure("get_job of a finished job", rate, "requests/s", Bare("bare view", bare)),
        Figure(
            f"get_job by {generator()}, as part of the bare view",
            median(ours / bare for ours, bare in rounds[1:]),
            "",
            at_least=0.45,
        ),
    ]


if __name__ == "__main__":
    run(measure)
