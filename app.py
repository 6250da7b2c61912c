"""create_app(): settings, database, blueprints and commands, put together in one place."""

import os
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from flask import Flask
from flask_migrate import Migrate

import blueprints
import engine.cli
import models  # noqa: F401 - migrations must know all tables
from core import config, instance
from core.errors import BadRequest
from models.database import db, init_database
from schemas.actions import check_action_shapes
from schemas.limits import check_limits


def create_app(overrides: Mapping[str, Any] | None = None) -> Flask:
    """The application, with settings as `core.config` reads them and `overrides` on top."""
    settings = config.load(overrides)
    _check_universal(settings)
    instance.make_folders(settings)
    app = Flask(__name__, instance_path=str(settings["INSTANCE_PATH"]), static_folder=None)
    keys = {
        "SECRET_KEY": instance.secret_key(settings),
        "VAULT_KEY": instance.vault_key(settings),
    }
    app.config.update(settings, **keys)
    init_database(app)
    Migrate(app, db, directory=str(config.ROOT / "migrations"))
    blueprints.register(app)
    app.register_blueprint(engine.cli.bp)
    return app


def _check_universal(settings: config.Settings) -> None:
    """Stop the start when what every job gets is nothing that an event could have."""
    try:
        check_limits({"limits": settings["UNIVERSAL_LIMITS"]})
        check_action_shapes({"actions": settings["UNIVERSAL_ACTIONS"]})
    except BadRequest as error:
        raise config.ConfigError(f"{config.PREFIX}UNIVERSAL_…: {error}") from None


def _serve() -> None:
    """Replace this process by the supervisor, as `make serve` does."""
    script = Path(__file__).resolve().parent / "deploy" / "serve.py"
    os.execv(sys.executable, [sys.executable, str(script)])  # noqa: S606 - our own program


if __name__ == "__main__":
    _serve()
