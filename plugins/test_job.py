"""The test plugin: a job that lasts as long, and ends the way, its parameters say."""

import os
import random
import re
import socket
import sys
import time
import urllib.request
from collections.abc import Callable
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

# An isolated interpreter (-I) does not look for modules beside the program.
sys.path.insert(0, str(Path(__file__).resolve().parent))

import protocol

#: Chance for samples and durations; nothing here is a secret.
_random = random.Random()  # noqa: S311 - see above

PROGRESS_INTERVAL_SECONDS = 0.15
MIN_DURATION_SECONDS = 1.0
NETWORK_TIMEOUT_SECONDS = 5.0
LOOPBACK_HOSTS = ("localhost", "127.0.0.1", "::1")

#: The actions that end the job with an error: their code and description.
FAILURES: dict[str, tuple[int | str, str]] = {
    "error": (999, "Simulating an error message here.  Something went wrong!"),
    "warning": ("warning", "Simulating a warning message here.  Something is concerning!"),
    "critical": (
        "critical",
        "Simulating a critical error message here.  Something is VERY wrong!",
    ),
    "abort": ("abort", "Simulating an abort message here."),
}


def main() -> None:
    """Run the test job that standard input describes."""
    try:
        job = protocol.read_job()
        duration_seconds = choose_duration(job["params"].get("duration"))
    except (protocol.JobInputError, ValueError) as error:
        protocol.send(code=1, description=str(error))
        return
    params = job["params"]
    protocol.log("Job start!")
    if protocol.is_on(params.get("network")):
        protocol.log(use_network(os.environ.get("JOB_BASE_URL", "")))
    work(duration_seconds, burn=protocol.is_on(params.get("burn")))
    if protocol.is_on(params.get("upload")):
        push_report(job.get("id"))
    finish(str(params.get("action", "")), params.get("custom"))


def choose_duration(value: Any) -> float:
    """The seconds to run for: a number, or a random one within `LOW-HIGH`; at least one."""
    text = "" if value is None else str(value).strip()
    match = re.fullmatch(r"(\d{1,9}(?:\.\d+)?)(?:\s*-\s*(\d{1,9}(?:\.\d+)?))?", text)
    if text and not match:
        raise ValueError(f"Invalid duration: {text}")
    bounds = [float(number) for number in match.groups() if number] if match else [0.0]
    return max(MIN_DURATION_SECONDS, _random.uniform(min(bounds), max(bounds)))


def work(duration_seconds: float, *, burn: bool) -> None:
    """Pass the time, sleeping or computing, and report progress on the way."""
    started = time.monotonic()
    spend = burn_cpu if burn else time.sleep
    while (elapsed := time.monotonic() - started) < duration_seconds:
        protocol.send(progress=round(elapsed / duration_seconds, 4))
        spend(min(PROGRESS_INTERVAL_SECONDS, duration_seconds - elapsed))


def burn_cpu(seconds: float) -> None:
    """Keep one core busy for `seconds`."""
    ends = time.monotonic() + seconds
    while time.monotonic() < ends:
        sum(number * number for number in range(1000))


def use_network(base_url: str) -> str:
    """Ask the server on this host for its health, once; returns the line for the log."""
    if urlsplit(base_url).hostname not in LOOPBACK_HOSTS:
        return "Network: unavailable, the server is not on this host"
    url = f"{base_url}/health"
    # No proxy: a request to the loopback device must not leave this host.
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    try:
        with opener.open(url, timeout=NETWORK_TIMEOUT_SECONDS) as response:
            return f"Network: {url}: HTTP {response.status}"
    except OSError as error:
        return f"Network: {url}: {error}"


def push_report(job_id: Any) -> None:
    """Write a sample report and attach it to the job."""
    filename = re.sub(r"[^\w.-]", "_", f"sample-report-{job_id}.txt")
    Path(filename).write_text(f"Sample report of job {job_id}.\n", encoding="utf-8")
    protocol.send(push={"files": [filename]})


def finish(action: str, custom: Any) -> None:
    """End the job as `action` says; an unknown action reports nothing at all."""
    name = action.strip().lower()
    if name == "crash":
        raise RuntimeError("Simulating a crash here.")
    if name in FAILURES:
        code, description = FAILURES[name]
        protocol.send(code=code, description=description)
    elif name == "success":
        protocol.send(code=0, description="Success!", **sample_output(custom))


def sample_output(custom: Any) -> dict[str, Any]:
    """Something of every kind of output that a successful job can have."""
    parts: list[Callable[[], dict[str, Any]]] = [sample_perf, sample_table, sample_html]
    output = {key: value for part in parts for key, value in part().items()}
    data = {
        "text": "This is some sample data from the test plugin.",
        "hostname": socket.gethostname(),
        "pid": os.getpid(),
        "random": _random.random(),
        "obj": {"number": 1, "flag": True, "list": ["a", "b", "c"]},
        "custom": custom,
    }
    return {**output, "data": data}


def sample_perf() -> dict[str, Any]:
    """Performance metrics, in seconds."""
    names = ("db_query", "db_connect", "read_data", "gzip_data", "http_post")
    return {"perf": {name: round(_random.uniform(0.01, 5), 3) for name in names}}


def sample_table() -> dict[str, Any]:
    """A table with a header and a caption."""
    rows = [[f"10.0.0.{number}", f"host{number}.example.com", number * 37] for number in (1, 2, 3)]
    return {
        "table": {
            "title": "Sample Job Stats",
            "header": ["IP Address", "Hostname", "Requests"],
            "rows": rows,
            "caption": "A sample table.",
        }
    }


def sample_html() -> dict[str, Any]:
    """A piece of HTML."""
    content = "<h3>Summary</h3><p>The <b>test plugin</b> made this report.</p>"
    return {
        "html": {
            "title": "Sample Job Report",
            "content": content,
            "caption": "A sample report.",
        }
    }


if __name__ == "__main__":
    main()
