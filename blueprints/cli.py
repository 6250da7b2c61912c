"""What operators do at the command line: `flask settings`, `keys`, `jobs` and `setup`."""

import fcntl
import logging
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from itertools import chain
from pathlib import Path

import click
import flask_migrate
import sqlalchemy as sa
from flask import Flask, current_app
from flask.cli import AppGroup, with_appcontext
from sqlalchemy.exc import SQLAlchemyError

from core import json
from core.config import PREFIX, SETTINGS, Setting, Settings
from core.errors import ApiError
from core.instance import write_private
from models.database import db
from services import active_jobs, api_keys, job_changes, stock
from services.access import OPERATOR, Privilege

keys = AppGroup("keys", help="Make, list and disable API keys.")
live_jobs = AppGroup("jobs", help="List and abort live jobs.")

_PRIVILEGES = [privilege.value for privilege in Privilege]


def init_commands(app: Flask) -> None:
    """Add the commands to `flask`."""
    for command in (show_settings, keys, live_jobs, set_up):
        app.cli.add_command(command)


@click.command("settings")
@with_appcontext
def show_settings() -> None:
    """List all settings with their values and meanings."""
    for setting in SETTINGS:
        click.echo(f"{PREFIX}{setting.name} = {_shown(setting)}")
        click.echo(f"    {setting.help}")


def _shown(setting: Setting) -> str:
    value = current_app.config[setting.name]
    # The secret key is always there, made when it was not set.
    return "********" if setting.secret and value else str(value)


@keys.command("create")
@click.argument("title")
@click.option(
    "--privilege",
    "privileges",
    multiple=True,
    type=click.Choice(_PRIVILEGES),
    help="What the key may do; may be given several times.",
)
def create_key(title: str, privileges: tuple[str, ...]) -> None:
    """Make an API key and print it, once."""
    granted = dict.fromkeys(privileges, True)
    record, plain_key = api_keys.create({"title": title, "privileges": granted}, OPERATOR)
    click.echo(f"{record['id']}\t{plain_key}")


@keys.command("list")
def list_keys() -> None:
    """List all API keys: id, mask, whether they work, privileges, title."""
    for record in map(json.loads, chain.from_iterable(api_keys.listing())):
        state = "active" if record.get("active") else "disabled"
        granted = (
            ",".join(key for key, value in (record.get("privileges") or {}).items() if value) or "-"
        )
        click.echo("\t".join((record["id"], record["mask"], state, granted, record["title"])))


@keys.command("disable")
@click.argument("key_id")
def disable_key(key_id: str) -> None:
    """Stop an API key from working, at once."""
    try:
        api_keys.update(key_id, {"active": 0}, OPERATOR)
    except ApiError as error:
        raise click.ClickException(error.description) from None


@live_jobs.command("list")
def list_jobs() -> None:
    """List live jobs: id, state, event."""
    for chunk in active_jobs.listing({}, OPERATOR):
        for row in map(json.loads, chunk):
            click.echo("\t".join((row["id"], row["state"], row["event"])))


@live_jobs.command("abort")
@click.argument("job_id")
def abort_job(job_id: str) -> None:
    """Abort a live job."""
    try:
        job_changes.abort(job_id, OPERATOR)
    except ApiError as error:
        raise click.ClickException(error.description) from None


@click.command("setup")
@with_appcontext
def set_up() -> None:
    """Bring the database up to date and make sure that there are stock records and a key."""
    # The work may run in another thread, where there is no current application.
    settings = current_app.config
    try:
        with _alone(settings["INSTANCE_PATH"]):
            _migrate()
            plain_key = db.write(lambda connection: _seed(connection, settings))
        if plain_key is not None:
            _hand_over(plain_key)
    except (SQLAlchemyError, OSError) as error:
        raise click.ClickException(f"Setup failed: {_one_line(error)}") from None


@contextmanager
def _alone(instance: Path) -> Iterator[None]:
    """Keep out other setups of this instance: web and engine may be started at the same time."""
    with (instance / "setup.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


def _migrate() -> None:
    # Alembic configures its own logging and tells each step; only what goes wrong matters here.
    logging.disable(logging.INFO)
    flask_migrate.upgrade()
    logging.disable(logging.NOTSET)


def _seed(connection: sa.Connection, settings: Settings) -> str | None:
    """Put in the stock records and the administrator's key; returns the key if it is new."""
    stock.seed(connection, settings)
    return api_keys.ensure_admin(connection, settings)


def _hand_over(plain_key: str) -> None:
    """Give the first key to the operator: on the terminal, or in a file that only he can read."""
    if sys.stdout.isatty():
        click.echo(f"\n  The administrator's API key, shown only now:  {plain_key}\n")
        return
    path: Path = current_app.config["INSTANCE_PATH"] / "admin-key"
    write_private(path, f"{plain_key}\n")
    click.echo(f"The administrator's API key is in {path}")


def _one_line(error: Exception) -> str:
    cause = getattr(error, "orig", None) or error
    return str(cause).partition("\n")[0]
