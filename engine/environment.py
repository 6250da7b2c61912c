"""What a job's process gets: its environment, its stdin, and the command that starts it."""

import os
import pwd
import re
import shlex
import string
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from core import json, tokens
from core.config import ROOT, Settings

Document = dict[str, Any]

#: The version of the API that jobs are told.
API_VERSION = "1.0.88"
#: Variables of ours, and of the API's other servers, that jobs must not inherit.
_PRIVATE = re.compile(r"(SWITCHYARD|XYOPS|XYSAT|SATELLITE|GUNICORN|FLASK|WERKZEUG)_")
_OWN_NAMES = frozenset({"SERVER_SOFTWARE", "MAKEFLAGS", "MAKELEVEL", "MFLAGS"})
_SYSTEM_PATH = ("/bin", "/sbin", "/usr/bin", "/usr/sbin", "/usr/local/bin", "/usr/local/sbin")
#: A longer value stays out: the kernel refuses strings of 128 KiB.
_LONGEST_VALUE_BYTES = 100 * 1024
#: All values together; the kernel refuses some two MiB.
_MOST_BYTES = 1024 * 1024
_NOT_IN_NAMES = re.compile(r"\W+", re.ASCII)

#: The bundled plugins that are programs of their own.
_BUILT_IN = {"[http-plugin]": "http_request.py", "[test-plugin]": "test_job.py"}
SHELL = "[shell-plugin]"


def command(job: Document, plugin: Document, environment: Mapping[str, str]) -> Document:
    """How the launcher starts the job: `argv`, `script`, `shell` and `annotate`."""
    params = job.get("params", {})
    # As it was at the launch, its macros replaced.
    line = str(job.get("command") or "")
    if line == SHELL:
        script = _text(params.get("script", "")).replace("\r\n", "\n")
        annotate = bool(params.get("annotate"))
        return {"argv": None, "script": script, "shell": True, "annotate": annotate}
    if line in _BUILT_IN:
        argv = [sys.executable, "-I", str(ROOT / "plugins" / _BUILT_IN[line])]
    else:
        argv = [string.Template(word).safe_substitute(environment) for word in _words(line)]
    kept = plugin.get("script")
    text = f"{kept}\n" if kept else None
    return {"argv": argv, "script": text, "shell": False, "annotate": False}


def _words(line: str) -> list[str]:
    """A command line's words by a shell's quoting rules; no shell will see them."""
    try:
        return shlex.split(line)
    except ValueError:
        return line.split()


def stdin(job: Document, job_input: Document | None, cwd: str, settings: Settings) -> str:
    """The line of JSON that the process reads."""
    message = {
        "xy": 1,
        **job,
        "type": "event",
        "cwd": cwd,
        "log_file": _log_file(job, cwd),
        **({"input": job_input} if job_input else {}),
        "activity": None,
        "serverData": {},
        "versions": {"xyops": API_VERSION, "xysat": API_VERSION},
        "secrets": {},
        "base_url": settings["BASE_URL"],
        "temp_dir": str(Path(cwd).parent),
    }
    if job.get("runner"):
        # Such a plugin runs the job somewhere else, and sends files from there.
        message["auth_token"] = tokens.worker_token(job["id"], settings["SECRET_KEY"])
    return json.dumps(message) + "\n"


def _log_file(job: Document, cwd: str) -> str:
    """A file that a process may write; it becomes an output file."""
    return f"{cwd}/job-{job['id']}.log"


def variables(
    job: Document, job_input: Document | None, cwd: str, settings: Settings
) -> tuple[dict[str, str], list[str]]:
    """The process's environment, and the names of the variables that are too long for it."""
    data = (job_input or {}).get("data")
    wanted = {
        **_inherited(),
        **{str(name): str(value) for name, value in job.get("env", {}).items()},
        "XYOPS": API_VERSION,
        "JOB_ID": job["id"],
        "JOB_NOW": _text(job["now"]),
        "JOB_BASE_URL": settings["BASE_URL"],
        "JOB_LOG": _log_file(job, cwd),
        **_user(str(job.get("uid") or "")),
        **_named("", job.get("params")),
        **_named("data_", data),
    }
    return _fitting(wanted)


def _inherited() -> dict[str, str]:
    """What of our own environment jobs may see."""
    return {
        name: value
        for name, value in os.environ.items()
        if not _PRIVATE.match(name) and name not in _OWN_NAMES
    }


def _user(uid: str) -> dict[str, str]:
    """The variables that describe the user who runs the job, and the search path."""
    try:
        entry = pwd.getpwuid(int(uid)) if uid.isdecimal() else pwd.getpwnam(uid) if uid else None
        entry = entry or pwd.getpwuid(os.getuid())
    except KeyError:
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
    inherited = os.environ.get("PATH", "").split(":")
    return ":".join(dict.fromkeys([*own, *filter(None, inherited), *_SYSTEM_PATH]))


def _named(prefix: str, values: Any) -> dict[str, str]:
    """An object's members as variables, their names reduced to word characters."""
    if not isinstance(values, dict):
        return {}
    pairs = ((_NOT_IN_NAMES.sub("_", prefix + key), value) for key, value in values.items())
    return {name: _text(value) for name, value in pairs if name}


def _text(value: Any) -> str:
    return value if isinstance(value, str) else json.dumps(value)


def _fitting(wanted: Mapping[str, str]) -> tuple[dict[str, str], list[str]]:
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
