"""The bare counterpart of running a job: a process that is spawned and reaped."""

import subprocess
import time


def spawn_and_reap() -> None:
    """Run `sh -c true`."""
    subprocess.run(["sh", "-c", "true"], check=True)


def spawns_per_second(count: int) -> float:
    """How often a loop spawns and reaps `sh -c true` in a second."""
    started = time.monotonic()
    for _ in range(count):
        spawn_and_reap()
    return count / (time.monotonic() - started)
