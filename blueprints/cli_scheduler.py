"""What operators do with the scheduler: `flask events` and `flask scheduler`."""

from typing import TextIO

import click
from flask.cli import AppGroup

from core import clock
from core.errors import ApiError
from models.database import db
from services import crontab_import, global_state, upcoming
from services.access import OPERATOR

events = AppGroup("events", help="Look at what the scheduler is going to do.")
scheduler = AppGroup("scheduler", help="Switch the scheduler on or off.")
_DAY_SECONDS = 86400.0


@events.command("upcoming")
@click.option("--event", "event_id", help="The id of one event; otherwise all.")
@click.option("--days", default=7.0, show_default=True, help="How far to look ahead.")
@click.option("--limit", default=20, show_default=True, type=click.IntRange(1, 1000))
def show_upcoming(event_id: str | None, days: float, limit: int) -> None:
    """List coming runs: local time, time in UTC, event, trigger and title."""
    now = clock.now()
    window = upcoming.Window(now, now + days * _DAY_SECONDS, limit)
    try:
        rows = upcoming.jobs(window, OPERATOR, event_id)
    except ApiError as error:
        raise click.ClickException(error.description) from None
    for row in rows:
        click.echo("\t".join((row["local"], row["utc"], row["event"], row["type"], row["title"])))
    if not db.read(global_state.scheduler_is_on):
        click.echo("The scheduler is off: nothing runs by itself.", err=True)


@events.command("import")
@click.argument("file", type=click.File())
@click.option("--category", default="general", show_default=True)
@click.option("--dry-run", is_flag=True, help="Only say what would be made.")
def import_file(file: TextIO, category: str, dry_run: bool) -> None:
    """Make an event of each line of a crontab; - reads standard input."""
    wishes = {"category": category}
    made, problems = crontab_import.run(file.read(), wishes, OPERATOR, is_trial=dry_run)
    for event in made:
        click.echo(f"{event['id']}\t{event['title']}")
    for problem in problems:
        click.echo(f"line {problem['line']}: {problem['reason']}: {problem['text']}", err=True)


@scheduler.command("status")
def show_status() -> None:
    """Say whether events run by themselves."""
    click.echo("on" if db.read(global_state.scheduler_is_on) else "off")


@scheduler.command("on")
def switch_on() -> None:
    """Let events run by themselves."""
    global_state.update({global_state.SCHEDULER: True}, OPERATOR)


@scheduler.command("off")
def switch_off() -> None:
    """Let no event run by itself, until somebody switches the scheduler on again."""
    global_state.update({global_state.SCHEDULER: False}, OPERATOR)
