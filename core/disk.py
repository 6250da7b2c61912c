"""How much room the disk has."""

import os
from pathlib import Path


def free_bytes(path: Path) -> int:
    """Bytes that we may still write to the file system of `path`."""
    status = os.statvfs(path)
    return status.f_bavail * status.f_frsize
