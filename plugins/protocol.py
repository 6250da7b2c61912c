"""The plugin's side of the job protocol: one JSON line in, log text and JSON lines out."""

import json
import sys
from typing import Any


class JobInputError(Exception):
    """Standard input does not hold a job."""


def read_job() -> dict[str, Any]:
    """Read the job object, one line of JSON, from standard input."""
    try:
        job = json.loads(sys.stdin.buffer.readline())
    except (ValueError, RecursionError) as error:
        raise JobInputError(f"Invalid job input: {error}") from None
    if not isinstance(job, dict):
        raise JobInputError("Invalid job input: Not an object")
    if not isinstance(job.get("params"), dict):
        job["params"] = {}
    return job


def log(text: str) -> None:
    """Add a line of text to the job's log."""
    _write(text)


def send(**message: Any) -> None:
    """Send one protocol message; the keywords are the job's keys, as in `progress=0.5`."""
    _write(json.dumps({"xy": 1, **message}, separators=(",", ":")))


def is_on(value: Any) -> bool:
    """Whether a checkbox is ticked, be it a boolean, a number or a form's text."""
    if isinstance(value, str):
        return value.strip().lower() not in ("", "0", "false", "no", "off")
    return bool(value)


def _write(line: str) -> None:
    # Bytes, because the locale of the job's user may not be able to encode all text.
    sys.stdout.buffer.write(line.encode("utf-8", "replace") + b"\n")
    sys.stdout.buffer.flush()
