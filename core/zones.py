"""The time zone in which schedules are read that don't name one: this host's."""

import os
from datetime import tzinfo
from functools import cache
from pathlib import Path
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

_LOCALTIME = Path("/etc/localtime")


@cache
def local_zone() -> tzinfo:
    """The zone that the variable TZ names, or the operating system's; UTC where neither helps."""
    try:
        return ZoneInfo(os.environ["TZ"].removeprefix(":"))
    except (KeyError, ValueError, ZoneInfoNotFoundError):
        pass
    try:
        with _LOCALTIME.open("rb") as file:
            return ZoneInfo.from_file(file)
    except (OSError, ValueError):
        return ZoneInfo("Etc/UTC")
