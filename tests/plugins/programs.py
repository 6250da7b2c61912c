"""Starts the bundled plugin programs as the launcher does, and reads what they print."""

import json
import subprocess
import sys
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

PLUGINS = Path(__file__).parents[2] / "plugins"
DEADLINE_SECONDS = 30


@dataclass
class Run:
    """What one run of a plugin has printed, and how it ended."""

    returncode: int
    log: list[str]
    messages: list[dict[str, Any]]
    stderr: str
    elapsed_seconds: float
    directory: Path
    result: dict[str, Any] = field(init=False)

    def __post_init__(self) -> None:
        self.result = next((m for m in self.messages if "code" in m), {})

    @property
    def outcome(self) -> tuple[Any, Any]:
        return self.result.get("code"), self.result.get("description")


def read_output(stdout: bytes) -> tuple[list[str], list[dict[str, Any]]]:
    """Split into log lines and messages; every line must end with a newline."""
    assert stdout == b"" or stdout.endswith(b"\n")
    lines = stdout.decode().splitlines()
    messages = [json.loads(line) for line in lines if line.startswith("{")]
    assert all(message["xy"] == 1 for message in messages)
    return [line for line in lines if not line.startswith("{")], messages


def run_program(
    program: str, directory: Path, stdin: bytes, env: dict[str, str] | None = None
) -> Run:
    """Start a bundled program with `stdin` in `directory`, wait for its end."""
    started = time.monotonic()
    done = subprocess.run(
        [sys.executable, "-I", str(PLUGINS / program)],
        input=stdin,
        capture_output=True,
        cwd=directory,
        env=env,
        timeout=DEADLINE_SECONDS,
        check=False,
    )
    elapsed = time.monotonic() - started
    log, messages = read_output(done.stdout)
    return Run(done.returncode, log, messages, done.stderr.decode(), elapsed, directory)
