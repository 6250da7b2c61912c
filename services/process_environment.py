"""The environment of processes that we start: what is inherited, who runs them, what fits."""

import os
import pwd
import re
from collections.abc import Mapping
from typing import Any

from core import json

#: Variables of ours, and of the API's other servers, that processes must not inherit.
_PRIVATE = re.compile(r"(SWITCHYARD|XYOPS|XYSAT|SATELLITE|GUNICORN|FLASK|WERKZEUG)_")
_OWN_NAMES = frozenset({"SERVER_SOFTWARE", "MAKEFLAGS", "MAKELEVEL", "MFLAGS"})
_SYSTEM_PATH = ("/bin", "/sbin", "/usr/bin", "/usr/sbin", "/usr/local/bin", "/usr/local/sbin")
#: A longer value stays out: the kernel refuses strings of 128 KiB.
_LONGEST_VALUE_BYTES = 100 * 1024
#: All values together; the kernel refuses some two MiB.
_MOST_BYTES = 1024 * 1024
_NOT_IN_NAMES = re.compile(r"\W+", re.ASCII)


def inherited() -> dict[str, str]:
    """What of our own environment processes may see."""
    return {
        name: value
        for name, value in os.environ.items()
        if not _PRIVATE.match(name) and name not in _OWN_NAMES
    }


def user(uid: str) -> dict[str, str]:
    """The variables that describe the user who runs the process, and the search path."""
    try:
        entry = pwd.getpwuid(int(uid)) if uid.isdecimal() else pwd.getpwnam(uid) if uid else None
        entry = entry or pwd.getpwuid(os.getuid())
    except (KeyError, ValueError, OverflowError):
        return {"PATH": _path("")}
    return {
        "USER": entry.pw_name,
        "USERNAME": entry.pw_name,
        "HOME": entry.pw_dir,
        "SHELL": entry.pw_shell,
        "PATH": _path(entry.pw_dir),
    }


def _path(home: str) -> str:
    own = [f"{home}/.local/bin"] if home else []
    given = os.environ.get("PATH", "").split(":")
    return ":".join(dict.fromkeys([*own, *filter(None, given), *_SYSTEM_PATH]))


def named(prefix: str, values: Any) -> dict[str, str]:
    """An object's members as variables, their names reduced to word characters."""
    if not isinstance(values, dict):
        return {}
    pairs = ((_NOT_IN_NAMES.sub("_", prefix + key), value) for key, value in values.items())
    return {name: text_of(value) for name, value in pairs if name}


def text_of(value: Any) -> str:
    """A value as a variable holds it: text as it is, all else as JSON."""
    return value if isinstance(value, str) else json.dumps(value)


def fitting(wanted: Mapping[str, str]) -> tuple[dict[str, str], list[str]]:
    """The variables that the kernel takes, smallest first where all together are too many."""
    sizes = {name: len(name.encode()) + len(value.encode()) + 2 for name, value in wanted.items()}
    left_out = {name for name, size in sizes.items() if size > _LONGEST_VALUE_BYTES}
    left_out |= {name for name in wanted if "\0" in wanted[name] or "=" in name}
    total = 0
    for name in sorted(sizes.keys() - left_out, key=lambda name: (sizes[name], name)):
        total += sizes[name]
        if total > _MOST_BYTES:
            left_out.add(name)
    kept = {name: value for name, value in wanted.items() if name not in left_out}
    return kept, sorted(left_out)
