"""The command that runs an engine: `flask engine`."""

import logging
import os
import signal
import sys

from flask import Blueprint, current_app
from gevent import monkey

from core import garbage
from engine.housekeeping import Housekeeping
from engine.loop import Engine
from engine.scheduler import Scheduler

bp = Blueprint("engine", __name__, cli_group=None)


@bp.cli.command("engine")
def engine_command() -> None:
    """Start, watch and end jobs, until SIGTERM."""
    if monkey.is_module_patched("threading"):
        # Flask found wsgi.py, which is made for web workers: an engine needs real threads.
        command = [sys.executable, "-m", "flask", "--app", "app", "engine"]
        os.execv(sys.executable, command)  # noqa: S606 - ourselves again
    logging.basicConfig(level=logging.INFO, format="%(asctime)s engine %(levelname)s %(message)s")
    app = current_app._get_current_object()  # type: ignore[attr-defined]  # noqa: SLF001
    engine = Engine(app)
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: engine.stop())
    housekeeping = Housekeeping(app, lambda: engine.lease.epoch > 0)
    scheduler = Scheduler(app, lambda: engine.lease.epoch > 0, engine.submit)
    garbage.settle()
    for thread in (housekeeping, scheduler):
        thread.start()
    engine.run()
    for thread in (housekeeping, scheduler):
        thread.stop()
