"""The command that runs an engine: `flask engine`."""

import logging
import signal

from flask import Blueprint, current_app

from engine.housekeeping import Housekeeping
from engine.loop import Engine

bp = Blueprint("engine", __name__, cli_group=None)


@bp.cli.command("engine")
def engine_command() -> None:
    """Start, watch and end jobs, until SIGTERM."""
    logging.basicConfig(level=logging.INFO, format="%(asctime)s engine %(levelname)s %(message)s")
    app = current_app._get_current_object()  # type: ignore[attr-defined]  # noqa: SLF001
    engine = Engine(app)
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: engine.stop())
    housekeeping = Housekeeping(app, lambda: engine.lease.epoch > 0)
    housekeeping.start()
    engine.run()
    housekeeping.stop()
