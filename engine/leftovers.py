"""Processes that their launcher left behind: found by their marker, and killed."""

import os
import signal
from pathlib import Path


def kill(launch_id: str) -> None:
    """Kill every process that carries the marker of a launch."""
    marker = f"SWITCHYARD_LAUNCH={launch_id}".encode()
    for entry in Path("/proc").iterdir():
        if entry.name.isdecimal() and _has_marker(entry, marker):
            _kill_marked(int(entry.name), marker)


def _has_marker(folder: Path, marker: bytes) -> bool:
    try:
        return marker in (folder / "environ").read_bytes().split(b"\0")
    except OSError:
        return False


def _kill_marked(pid: int, marker: bytes) -> None:
    """Kill by a descriptor, and look again once it is held: the number may be another's by now."""
    try:
        descriptor = os.pidfd_open(pid)
    except ProcessLookupError:
        return
    try:
        if _has_marker(Path(f"/proc/{pid}"), marker):
            signal.pidfd_send_signal(descriptor, signal.SIGKILL)
    except ProcessLookupError:
        return
    finally:
        os.close(descriptor)
