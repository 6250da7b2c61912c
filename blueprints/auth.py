"""Who calls: finds the credentials of a request and asks what they are worth."""

from collections.abc import Callable
from dataclasses import replace
from functools import partial, wraps
from typing import Any

from flask import g, request

from blueprints.origin import origin_of
from core.errors import NotAuthenticated
from core.javascript import is_truthy
from schemas.wire import malformed_type
from services.access import Caller, Privilege
from services.authentication import authenticate

View = Callable[..., Any]


def requires(
    privilege: Privilege | None = None, *, unlimited: bool = False
) -> Callable[[View], View]:
    """Let a view be called by those who have the privilege; its first argument is the caller.

    Without a privilege every caller who has proved who they are may call; with `unlimited`, only
    those who are not limited to categories or groups.
    """

    def decorate(view: View) -> View:
        @wraps(view)
        def authorised(*args: Any, **kwargs: Any) -> Any:
            caller = current_caller(privilege)
            if unlimited:
                caller.require_unlimited()
            return view(caller, *args, **kwargs)

        authorised.privilege = privilege  # type: ignore[attr-defined]
        authorised.is_open = False  # type: ignore[attr-defined]
        return authorised

    return decorate


def current_caller(privilege: Privilege | None = None) -> Caller:
    """The caller of the current request, with this privilege.

    Raises `NotAuthenticated` or `Forbidden`. Call it in views with parameters: these find the
    credentials that are not in headers.
    """
    in_body, in_query = g.credentials
    environ = request.environ
    _refuse_session(environ, in_body)
    caller = authenticate(_key_in_headers(environ) or _key(in_body) or _key(in_query))
    if privilege is not None:
        caller.require(privilege)
    elif environ["REQUEST_METHOD"] != "POST":
        # Nothing changes here, so nothing is recorded; the busiest endpoints are of this kind.
        return caller
    return replace(caller, origin=partial(origin_of, environ))


def _refuse_session(environ: dict[str, Any], in_body: dict[str, Any]) -> None:
    """There are no sessions, so none is valid; an empty one is none."""
    session = (
        ("HTTP_COOKIE" in environ and request.cookies.get("session_id"))
        or environ.get("HTTP_X_SESSION_ID")
        or in_body.get("session_id")
    )
    if not is_truthy(session):
        return
    if not isinstance(session, str):
        raise malformed_type("session_id", session)
    raise NotAuthenticated(f"Failed to fetch key: sessions/{session}: Not found")


def _key_in_headers(environ: dict[str, Any]) -> str | None:
    key: str | None = environ.get("HTTP_X_API_KEY")
    if key:
        return key
    scheme, _, token = environ.get("HTTP_AUTHORIZATION", "").partition(" ")
    return token.strip() if scheme.lower() == "bearer" else None


def _key(credentials: dict[str, Any]) -> str | None:
    key = credentials.get("api_key")
    if not is_truthy(key):
        return None
    if not isinstance(key, str):
        raise malformed_type("api_key", key)
    return key
