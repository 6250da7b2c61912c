"""Logging in: from a user name and a password to a session."""

from dataclasses import dataclass, replace
from typing import Any

import sqlalchemy as sa

from core import clock, javascript, json
from core.errors import ApiError, NotAuthenticated
from models.database import db
from models.user import User
from services import audit, passwords, rates, sessions
from services.authentication import record_of, user_caller, with_roles
from services.sessions import Login, Origin


@dataclass(frozen=True, slots=True)
class Begun:
    """A session as its client gets to know it."""

    session_id: str
    csrf_token: str
    #: The user's record.
    user: dict[str, Any]


def log_in(username: str, password: str, address: str, origin: Origin) -> Begun:
    """A new session.

    Raises `ApiError` with code `login` for a wrong name as for a wrong password, after the same
    time, and `TooManyRequests` for who has tried too often.
    """
    rates.count_login(username, address)
    stored = db.read(lambda connection: User.password_of(connection, username))
    if not passwords.fits(password, stored):
        raise ApiError("Username or password incorrect.", code="login")
    expires = clock.now() + sessions.lifetime_seconds()

    def work(connection: sa.Connection) -> Begun:
        record = _active(connection, username, stored)
        rates.forgive_login(connection, username, address)
        session_id, csrf_token = sessions.begin(connection, username, expires)
        caller = user_caller(with_roles(connection, json.dumps(record)))
        audit.record(connection, replace(caller, origin=origin), "user_login", username)
        return Begun(session_id, csrf_token, record)

    return db.write(work)


def _active(connection: sa.Connection, username: str, stored: str | None) -> dict[str, Any]:
    """The user, unless disabled, or changed while the password was looked at."""
    record = User.for_change(connection, username)
    if record is None or User.password_of(connection, username) != stored:
        raise ApiError("Username or password incorrect.", code="login")
    if not javascript.is_truthy(record.get("active")):
        raise NotAuthenticated(f"User account is disabled: {username}")
    return record


def resume(session_id: str, login: Login) -> Begun:
    """The same session, for longer; raises `NotAuthenticated` for a user who may not act."""
    login.caller()
    sessions.extend(login)
    return Begun(session_id, login.csrf_token, dict(record_of(login.texts[0])))
