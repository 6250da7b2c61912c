"""Deleting folders, however deep jobs have made them."""

import shutil
import subprocess
from pathlib import Path


def delete(path: Path) -> None:
    """Delete a folder and all that is in it; what can't be deleted stays, and is no error."""
    try:
        shutil.rmtree(path, ignore_errors=True)
    except RecursionError:
        # It calls itself for each level, and a job may make more levels than calls can be nested.
        command = ["/bin/rm", "-rf", "--", str(path)]
        subprocess.run(command, check=False, stderr=subprocess.DEVNULL)
