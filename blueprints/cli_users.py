"""What operators do with users at the command line: `flask users`."""

import sys

import click
from flask.cli import AppGroup

from core.errors import ApiError
from schemas.user import CreateUser, UpdateUser
from services import users as service
from services.access import OPERATOR, Privilege

users = AppGroup("users", help="Make, list and disable users, and set their passwords.")


@users.command("create")
@click.argument("username")
@click.option("--email", default="", help="Where the user gets mail.")
@click.option("--full-name", default="", help="What people call the user.")
@click.option(
    "--privilege",
    "privileges",
    multiple=True,
    type=click.Choice([privilege.value for privilege in Privilege]),
    help="What the user may do, instead of what all new ones may; may be given several times.",
)
def create_user(username: str, email: str, full_name: str, privileges: tuple[str, ...]) -> None:
    """Make a user; the password is asked for, or read from standard input."""
    values: dict[str, object] = {"username": username, "password": _password()}
    values |= {"email": email, "full_name": full_name}
    if privileges:
        values |= {"privileges": dict.fromkeys(privileges, 1)}
    try:
        found = CreateUser().parse(values)
        record = {"username": found["username"], **found["changes"]}
        service.create(record, found["password"], OPERATOR)
    except ApiError as error:
        raise click.ClickException(error.description) from None


@users.command("list")
def list_users() -> None:
    """List all users: name, whether they are active, privileges, full name."""
    for record in service.list_all():
        state = "active" if record.get("active") else "disabled"
        granted = ",".join(key for key, value in record["privileges"].items() if value) or "-"
        click.echo("\t".join((record["username"], state, granted, record["full_name"])))


@users.command("disable")
@click.argument("username")
def disable_user(username: str) -> None:
    """Stop a user from logging in and acting, at once."""
    _update({"username": username, "active": False})


@users.command("password")
@click.argument("username")
def set_password(username: str) -> None:
    """Set another password, asked for or read from standard input; ends the user's sessions."""
    _update({"username": username, "new_password": _password()})


def _update(values: dict[str, object]) -> None:
    try:
        found = UpdateUser().parse(values)
        service.update(found["username"], found["changes"], found.get("password"), OPERATOR)
    except ApiError as error:
        raise click.ClickException(error.description) from None


def _password() -> str:
    if sys.stdin.isatty():
        return str(click.prompt("Password", hide_input=True, confirmation_prompt=True))
    return sys.stdin.readline().rstrip("\n")
