"""Sessions: what a login is worth, for how long, and how it ends."""

import hmac
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

import sqlalchemy as sa
from flask import current_app

from core import clock, javascript
from core.errors import NotAuthenticated
from core.ids import random_name
from core.tokens import key_digest
from models.database import db
from models.session import Session
from services import audit
from services.access import Caller
from services.authentication import record_of, user_caller, with_roles

#: Tells where a request comes from, as a caller's `origin` does.
Origin = Callable[[], dict[str, Any]]

#: So much of an id that is not known is repeated.
_SHOWN_ID_CHARS = 64
#: Ended sessions are told from unknown ones for so long.
_REMEMBERED_SECONDS = 86400
_MOST_FORGOTTEN = 100


@dataclass(frozen=True, slots=True)
class Login:
    """A session that exists and has not ended."""

    digest: str
    username: str
    csrf_token: str
    expires: float
    #: The texts of the user and of the user's roles; empty when there is no such user.
    texts: tuple[str, ...]

    def is_proved_by(self, token: str | None) -> bool:
        """Whether a request brings what only pages of this server know."""
        sent = (token or "").encode("utf-8", "replace")
        return hmac.compare_digest(self.csrf_token.encode(), sent)

    def caller(self) -> Caller:
        """The user; raises `NotAuthenticated` for one who is gone or disabled."""
        if not self.texts:
            raise NotAuthenticated(f"User not found: {self.username}", code="user")
        if not javascript.is_truthy(record_of(self.texts[0]).get("active")):
            raise NotAuthenticated(f"User account is disabled: {self.username}")
        return user_caller(self.texts)


def find(session_id: str) -> Login:
    """The session with this id; raises `NotAuthenticated`.

    It is read again after every commit, so that changes count at once everywhere.
    """
    digest = key_digest(session_id)
    kept = db.kept()
    key = f"session:{digest}"
    login: Login | None = kept.get(key) or db.read(lambda c: _load(c, digest))
    if login is None:
        shown = session_id[:_SHOWN_ID_CHARS]
        raise NotAuthenticated(f"Failed to fetch key: sessions/{shown}: Not found")
    if login.expires <= clock.now():
        raise NotAuthenticated("Session has expired or is invalid.")
    kept[key] = login
    return login


def _load(connection: sa.Connection, digest: str) -> Login | None:
    row = Session.find(connection, digest)
    if row is None:
        return None
    texts = () if row.doc is None else with_roles(connection, row.doc)
    return Login(digest, row.username, row.csrf_token, row.expires, texts)


def begin(connection: sa.Connection, username: str, expires: float) -> tuple[str, str]:
    """Store a new session; its id and its CSRF token."""
    session_id, csrf_token = random_name(), random_name()
    Session.forget(connection, clock.now() - _REMEMBERED_SECONDS, _MOST_FORGOTTEN)
    Session.add(
        connection,
        digest=key_digest(session_id),
        username=username,
        csrf_token=csrf_token,
        expires=expires,
    )
    return session_id, csrf_token


def extend(login: Login) -> None:
    """Let a session last as long as if it began now."""
    expires = clock.now() + lifetime_seconds()
    db.write(lambda connection: Session.extend(connection, login.digest, expires))


def end(login: Login, origin: Origin) -> None:
    """Log out; a user who is gone or disabled may, too."""

    def work(connection: sa.Connection) -> None:
        Session.drop(connection, login.digest)
        if login.texts:
            caller = replace(user_caller(login.texts), origin=origin)
            audit.record(connection, caller, "user_logout", login.username, [login.username])

    db.write(work)


def lifetime_seconds() -> float:
    """How long a session lasts after its login, or after it was resumed."""
    lifetime: float = current_app.config["SESSION_LIFETIME"]
    return lifetime
