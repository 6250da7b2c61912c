"""The smallest application that the supervisor can start: a web page, a setup and an engine."""

import os
import signal
import sys
import time
from pathlib import Path

import click
from flask import Flask, Response

INSTANCE = Path(os.environ["SWITCHYARD_INSTANCE_PATH"])


def create_app() -> Flask:
    """A Flask application with the commands `setup` and `engine`."""
    app = Flask(__name__)

    @app.get("/health")
    def health() -> dict[str, int]:
        return {"code": 0}

    @app.get("/pids")
    def pids() -> Response:
        # One connection, one request: the next may meet another worker.
        body = f"[{os.getpid()}, {os.getppid()}]"
        return Response(body, headers={"Connection": "close"}, mimetype="application/json")

    app.cli.add_command(setup)
    app.cli.add_command(engine)
    return app


@click.command()
def setup() -> None:
    """Prepare nothing, or fail, or take for ever."""
    print("stub setup")
    if seconds := os.environ.get("STUB_SETUP_SECONDS"):
        sys.stdout.flush()
        time.sleep(float(seconds))
    sys.exit(int(os.environ.get("STUB_SETUP_STATUS", "0")))


@click.command()
def engine() -> None:
    """Beat until told to end; the environment says how to misbehave."""
    with (INSTANCE / "engine-pids").open("a") as file:
        file.write(f"{os.getpid()}\n")
    if status := os.environ.get("STUB_ENGINE_STATUS"):
        sys.exit(int(status))
    if os.environ.get("STUB_ENGINE_IGNORES_SIGTERM"):
        signal.signal(signal.SIGTERM, signal.SIG_IGN)
    while not (INSTANCE / "stop-beating").exists():
        (INSTANCE / "engine.beat").touch()
        time.sleep(0.1)
    (INSTANCE / "stop-beating").unlink()
    time.sleep(1000)
