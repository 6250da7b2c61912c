"""The endpoints of users: logging in and out, and what administrators do with them."""

from functools import partial
from typing import Any

from flask import Response, current_app, request

from blueprints.auth import SESSION_COOKIE, current_login, refuse_cross_site
from blueprints.origin import login_address, origin_of
from blueprints.replies import Returned, reply
from blueprints.wire import BODY, ApiBlueprint, NoParameters, array_reply, params, requires
from schemas.replies import LoginReply, RowsReply, UserReply
from schemas.user import CreateUser, Login, UpdateUser, UserName
from services import logins, sessions, users
from services.access import Caller, Privilege

bp = ApiBlueprint("users", __name__)


@bp.api("user/login", returns=LoginReply)
@params(Login, source=BODY)
def log_in(username: str, password: str) -> Returned:
    """Log in with a password.

    Replies with `username`, `user`, `session_id` and `csrf_token`; the session id comes as a
    cookie, too.
    """
    refuse_cross_site()
    environ = request.environ
    begun = logins.log_in(username, password, login_address(environ), partial(origin_of, environ))
    return _session_reply(begun)


@bp.api("user/resume_session", returns=LoginReply)
@params(NoParameters, source=BODY)
def resume_session() -> Returned:
    """Go on with a session, which then lasts as long as if it began now.

    Replies as user/login does; that is how a page that was loaded anew gets its token.
    """
    return _session_reply(logins.resume(*current_login(needs_proof=False)))


@bp.api("user/logout")
@params(NoParameters, source=BODY)
def log_out() -> Returned:
    """End the session that the request brings, with its CSRF token."""
    _session_id, login = current_login(needs_proof=True)
    sessions.end(login, partial(origin_of, request.environ))
    response = reply(None)
    response.delete_cookie(SESSION_COOKIE, httponly=True, samesite="Lax")
    return response


def _session_reply(begun: logins.Begun) -> Response:
    """What tells a client of its session, with the cookie for browsers."""
    members = {"username": begun.user["username"], "user": begun.user}
    secrets = {"session_id": begun.session_id, "csrf_token": begun.csrf_token}
    response = reply({**members, **secrets})
    response.set_cookie(
        SESSION_COOKIE,
        begun.session_id,
        max_age=int(current_app.config["SESSION_LIFETIME"]),
        secure=request.is_secure,
        httponly=True,
        samesite="Lax",
    )
    return response


@bp.api("user/admin_create", returns=UserReply)
@params(CreateUser, source=BODY)
@requires(Privilege.ADMIN)
def admin_create(caller: Caller, username: str, password: str, changes: dict[str, Any]) -> Returned:
    """Create a user; replies with `user` as it was stored."""
    return {"user": users.create({"username": username, **changes}, password, caller)}


@bp.api("user/admin_update")
@params(UpdateUser, source=BODY)
@requires(Privilege.ADMIN)
def admin_update(
    caller: Caller, username: str, changes: dict[str, Any], password: str | None = None
) -> None:
    """Change a user's record or password; it counts from the next request on."""
    users.update(username, changes, password, caller)


@bp.api("user/admin_delete")
@params(UserName, source=BODY)
@requires(Privilege.ADMIN)
def admin_delete(caller: Caller, username: str) -> None:
    """Delete a user, and end all sessions of the user."""
    users.delete(username, caller)


@bp.api("user/admin_get_user", returns=UserReply)
@params(UserName, source=BODY)
@requires(Privilege.ADMIN)
def admin_get_user(_caller: Caller, username: str) -> Returned:
    """Show one user; replies with `user`."""
    return {"user": users.get(username)}


@bp.api("user/admin_get_users", returns=RowsReply)
@params(NoParameters, source=BODY)
@requires(Privilege.ADMIN)
def admin_get_users(_caller: Caller) -> Returned:
    """List all users in order of creation; replies with `rows` and `list.length`."""
    found = users.listing()
    return array_reply("rows", found, {"list": found.length_text})
