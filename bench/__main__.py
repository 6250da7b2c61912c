"""Runs all benchmarks, or those that are named, and prints a table of their figures."""

import sys

from bench import (
    actions,
    active_jobs,
    get_job,
    history,
    hungry,
    idle,
    log_download,
    ping_under_load,
    scheduler,
    stream_latency,
    throughput,
    wait_latency,
)
from bench.figures import Figure, load_line, table

BENCHMARKS = {
    "wait_latency": wait_latency.measure,
    "throughput": throughput.measure,
    "actions": actions.measure,
    "get_job": get_job.measure,
    "active_jobs": active_jobs.measure,
    "ping_under_load": ping_under_load.measure,
    "stream_latency": stream_latency.measure,
    "log_download": log_download.measure,
    "hungry": hungry.measure,
    "idle": idle.measure,
}
#: They take many minutes, so only where they are named.
NAMED_ONLY = {"history": history.measure, "scheduler": scheduler.measure}


def main() -> None:
    """Measure one after another; a missed target is no error."""
    names = sys.argv[1:] or list(BENCHMARKS)
    known = BENCHMARKS | NAMED_ONLY
    if unknown := [name for name in names if name not in known]:
        raise SystemExit(f"No such benchmark: {unknown[0]}; there are {', '.join(known)}.")
    print(load_line())
    figures: list[Figure] = []
    for name in names:
        found = known[name]()
        for figure in found:
            print(f"{name}: {figure.line}", flush=True)
        figures += found
    print(f"\n{table(figures)}\n\n{load_line()}")


if __name__ == "__main__":
    main()
