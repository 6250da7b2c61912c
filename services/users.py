"""Users: their records, which administrators keep, and the passwords that open them."""

from collections.abc import Mapping
from typing import Any

import sqlalchemy as sa

from core import clock
from core.errors import Conflict, NotFound
from models.database import db
from models.session import Session
from models.user import User
from services import audit, passwords
from services.access import Caller, Privilege
from services.documents import Listing

Document = dict[str, Any]

#: What users may do for whom nothing else is said.
_FIRST_PRIVILEGES = (
    Privilege.CREATE_EVENTS,
    Privilege.EDIT_EVENTS,
    Privilege.RUN_JOBS,
    Privilege.TAG_JOBS,
    Privilege.CREATE_TICKETS,
    Privilege.EDIT_TICKETS,
)


def listing() -> Listing:
    """All records in order of creation."""
    return Listing(User)


def list_all() -> list[Document]:
    """All records in order of creation, at once."""
    return db.read(User.all)


def get(username: str) -> Document:
    """One record; raises `NotFound`."""
    record = db.read(lambda connection: User.get(connection, username))
    if record is None:
        raise _not_found(username)
    return record


def create(params: Mapping[str, Any], password: str, caller: Caller) -> Document:
    """Store a new user; raises `Conflict` when the name is taken."""
    now = int(clock.now())
    defaults: Document = {
        "email": "",
        "full_name": "",
        "active": 1,
        "privileges": {privilege.value: 1 for privilege in _FIRST_PRIVILEGES},
        "roles": [],
        "categories": [],
        "groups": [],
    }
    # The user name is the id, of rows as of records.
    record = {**defaults, **params, "id": params["username"]}
    record |= {"created": now, "modified": now, "revision": 1}
    stored = passwords.hashed(password)

    def work(connection: sa.Connection) -> None:
        if not User.add(connection, record, stored):
            raise Conflict(f"User already exists: {record['id']}", code="user")
        _record(connection, caller, "user_create", record)

    db.write(work)
    return record


def update(username: str, changes: Mapping[str, Any], password: str | None, caller: Caller) -> None:
    """Change a user; with another password all sessions end. Raises `NotFound`."""
    stored = passwords.hashed(password) if password else None

    def work(connection: sa.Connection) -> None:
        record = User.for_change(connection, username)
        if record is None:
            raise _not_found(username)
        stamp = {"modified": int(clock.now()), "revision": record["revision"] + 1}
        revised = {**record, **changes, **stamp}
        User.revise(connection, revised, stored)
        if stored:
            Session.drop_all(connection, username)
        _record(connection, caller, "user_update", revised)

    db.write(work)


def delete(username: str, caller: Caller) -> None:
    """Remove a user, and end the user's sessions; raises `NotFound`."""

    def work(connection: sa.Connection) -> None:
        record = User.for_change(connection, username)
        if record is None:
            raise _not_found(username)
        User.delete(connection, username)
        Session.drop_all(connection, username)
        _record(connection, caller, "user_delete", record)

    db.write(work)


def _not_found(username: str) -> NotFound:
    return NotFound(f"User not found: {username}", code="user")


def _record(connection: sa.Connection, caller: Caller, action: str, record: Document) -> None:
    audit.record(connection, caller, action, record["id"], [record["id"]], user=record)
