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
from services import sessions
from services.access import Caller, Privilege
from services.authentication import authenticate

View = Callable[..., Any]

SESSION_COOKIE = "session_id"
_READING = ("GET", "HEAD")
_FORGED = "Invalid session"


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
    session_id, is_cookie = _session_id(environ, in_body)
    if session_id is None:
        caller = authenticate(_key_in_headers(environ) or _key(in_body) or _key(in_query))
    else:
        login = sessions.find(session_id)
        # Browsers send cookies by themselves, and GET acts here as well as POST does.
        acts = request.method not in _READING or (is_cookie and privilege is not None)
        if (is_cookie and _is_cross_site(environ)) or (acts and not _is_proved(login, in_body)):
            raise NotAuthenticated(_FORGED)
        caller = login.caller()
    if privilege is not None:
        caller.require(privilege)
    return replace(caller, origin=partial(origin_of, environ))


def current_login(*, needs_proof: bool) -> tuple[str, sessions.Login]:
    """The session of the current request, and its id; with `needs_proof` only if its token came."""
    in_body, _ = g.credentials
    session_id, is_cookie = _session_id(request.environ, in_body)
    if session_id is None:
        raise NotAuthenticated("No Session ID could be found")
    login = sessions.find(session_id)
    is_forged = is_cookie and _is_cross_site(request.environ)
    if is_forged or (needs_proof and not _is_proved(login, in_body)):
        raise NotAuthenticated(_FORGED)
    return session_id, login


def refuse_cross_site() -> None:
    """Refuse what another site makes a browser send."""
    if _is_cross_site(request.environ):
        raise NotAuthenticated(_FORGED)


def _is_cross_site(environ: dict[str, Any]) -> bool:
    """Whether a browser says that a page of another site has made it send this."""
    return environ.get("HTTP_SEC_FETCH_SITE") in ("cross-site", "same-site")


def _is_proved(login: sessions.Login, in_body: dict[str, Any]) -> bool:
    """Whether the request has the session's token, which other sites don't know."""
    token = request.environ.get("HTTP_X_CSRF_TOKEN") or in_body.get("csrf_token")
    if is_truthy(token) and not isinstance(token, str):
        raise malformed_type("csrf_token", token)
    return login.is_proved_by(token or None)


def _session_id(environ: dict[str, Any], in_body: dict[str, Any]) -> tuple[str | None, bool]:
    """The session id, if there is one that is not empty, and whether it came in a cookie."""
    if "HTTP_COOKIE" in environ:
        cookie = request.cookies.get(SESSION_COOKIE)
        if cookie:
            return cookie, True
    session_id = environ.get("HTTP_X_SESSION_ID") or in_body.get("session_id")
    if not is_truthy(session_id):
        return None, False
    if not isinstance(session_id, str):
        raise malformed_type("session_id", session_id)
    return session_id, False


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
