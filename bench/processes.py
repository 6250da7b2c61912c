"""What /proc tells of processes: children, memory, processor time."""

import os
from collections.abc import Iterable
from pathlib import Path

_TICKS_PER_SECOND = os.sysconf("SC_CLK_TCK")


def children(pid: int) -> list[int]:
    """The processes that `pid` started and that have not been reaped."""
    lists = (task / "children" for task in Path(f"/proc/{pid}/task").iterdir())
    return [int(child) for one in lists for child in one.read_text().split()]


def with_descendants(pid: int) -> list[int]:
    """`pid` and everything below it."""
    below = (one for child in children(pid) for one in with_descendants(child))
    return [pid, *below]


def arguments(pid: int) -> list[str]:
    """The command line of a process."""
    return Path(f"/proc/{pid}/cmdline").read_text().rstrip("\0").split("\0")


def memory_bytes(pid: int) -> int:
    """The proportional set size (PSS): memory shared by n processes counts for 1/n."""
    for line in Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines():
        if line.startswith("Pss:"):
            return int(line.split()[1]) * 1024
    raise ValueError(f"no PSS in smaps_rollup of process {pid}")


def processor_seconds(pids: Iterable[int]) -> float:
    """User and system time of the processes since they started."""
    return sum(_ticks(pid) for pid in pids) / _TICKS_PER_SECOND


def _ticks(pid: int) -> int:
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return int(fields[11]) + int(fields[12])
