"""What a job's process gets: its environment, its stdin, and the command that starts it."""

import shlex
import string
import sys
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from core import json, tokens
from core.config import ROOT, Settings
from core.version import API_VERSION
from services.hook_jobs import COMMAND as HOOK
from services.process_environment import fitting, inherited, named, text_of, user

Document = dict[str, Any]

#: The bundled plugins that are programs of their own.
_BUILT_IN = {
    "[http-plugin]": "http_request.py",
    "[test-plugin]": "test_job.py",
    HOOK: "web_hook.py",
}
SHELL = "[shell-plugin]"


@dataclass(frozen=True)
class Surroundings:
    """What a job's process finds beside the job itself."""

    #: The job's own folder; its input files are in it, and it is deleted with the run.
    folder: str
    #: Where the process starts: in that folder, unless its plugin says otherwise.
    cwd: str
    #: What earlier jobs have left with the server.
    server_data: Document = field(default_factory=dict)
    #: The values of the secrets that are assigned to it, by their names.
    secrets: Mapping[str, str] = field(default_factory=dict)


def command(job: Document, plugin: Document, environment: Mapping[str, str]) -> Document:
    """How the launcher starts the job: `argv`, `script`, `shell` and `annotate`."""
    params = job.get("params", {})
    # As it was at the launch, its macros replaced.
    line = str(job.get("command") or "")
    if line == SHELL:
        script = text_of(params.get("script", "")).replace("\r\n", "\n")
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


def stdin(
    job: Document, job_input: Document | None, around: Surroundings, settings: Settings
) -> str:
    """The line of JSON that the process reads."""
    message = {
        "xy": 1,
        **job,
        "type": "event",
        "cwd": around.cwd,
        "job_dir": around.folder,
        "log_file": _log_file(job, around.folder),
        **({"input": job_input} if job_input else {}),
        "activity": None,
        "serverData": around.server_data,
        "versions": {"xyops": API_VERSION, "xysat": API_VERSION},
        "secrets": around.secrets,
        "base_url": settings["BASE_URL"],
        "temp_dir": str(Path(around.folder).parent),
    }
    if job.get("runner") or job.get("command") == HOOK:
        # They speak to the server: the one from somewhere else, where it runs the job.
        message["auth_token"] = tokens.worker_token(job["id"], settings["SECRET_KEY"])
    return json.dumps(message) + "\n"


def _log_file(job: Document, folder: str) -> str:
    """A file that a process may write; it becomes an output file."""
    return f"{folder}/{log_name(job['id'])}"


def log_name(job_id: str) -> str:
    """What the file is called in which a job may keep a log of its own."""
    return f"job-{job_id}.log"


def variables(
    job: Document, job_input: Document | None, around: Surroundings, settings: Settings
) -> tuple[dict[str, str], list[str]]:
    """The process's environment, and the names of the variables that are too long for it."""
    data = (job_input or {}).get("data")
    wanted = {
        **inherited(),
        **{str(name): str(value) for name, value in job.get("env", {}).items()},
        **around.secrets,
        "XYOPS": API_VERSION,
        "JOB_ID": job["id"],
        "JOB_NOW": text_of(job["now"]),
        "JOB_BASE_URL": settings["BASE_URL"],
        "JOB_DIR": around.folder,
        "JOB_LOG": _log_file(job, around.folder),
        **user(str(job.get("uid") or "")),
        **named("", job.get("params")),
        **named("server_data_", around.server_data),
        **named("data_", data),
    }
    return fitting(wanted)
