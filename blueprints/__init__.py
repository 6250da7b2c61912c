"""HTTP and nothing else: every blueprint, the errors and the commands of the application."""

from flask import Flask

from blueprints import (
    activity,
    api_keys,
    buckets,
    categories,
    channels,
    client_lists,
    events,
    files,
    groups,
    jobs,
    logs,
    magic,
    openapi,
    plugins,
    roles,
    scheduling,
    search,
    secrets,
    servers,
    streams,
    system,
    tags,
    users,
    web_hooks,
)
from blueprints.cli import init_commands
from blueprints.cli_scheduler import events as event_commands
from blueprints.cli_scheduler import scheduler as scheduler_commands
from blueprints.cli_users import users as user_commands
from blueprints.errors import init_errors
from blueprints.headers import init_headers

_MODULES = (
    jobs,
    files,
    search,
    logs,
    streams,
    events,
    magic,
    categories,
    tags,
    plugins,
    groups,
    activity,
    api_keys,
    roles,
    users,
    web_hooks,
    channels,
    secrets,
    buckets,
    servers,
    client_lists,
    scheduling,
    system,
    openapi,
)


def register(app: Flask) -> None:
    """Register everything that answers requests or commands."""
    # Preflights are answered in one place for all URLs, known or not.
    app.config["PROVIDE_AUTOMATIC_OPTIONS"] = False
    for module in _MODULES:
        app.register_blueprint(module.bp)
    init_errors(app)
    init_headers(app)
    init_commands(app)
    for commands in (user_commands, event_commands, scheduler_commands):
        app.cli.add_command(commands)
