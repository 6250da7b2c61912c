"""The errors that a caller may see: each class knows its code and its HTTP status."""

from typing import Any

from core import json


class ApiError(Exception):
    """An error that is shown to the caller; `code` and `description` are part of the API."""

    code: str | int = "api"
    status: int = 400

    def __init__(
        self,
        description: str,
        *,
        code: str | int | None = None,
        headers: dict[str, str] | None = None,
    ) -> None:
        super().__init__(description)
        self.description = description
        self.headers = headers or {}
        if code is not None:
            self.code = code

    def body(self) -> dict[str, Any]:
        """The reply's JSON object."""
        return {"code": self.code, "description": self.description}

    def text(self) -> str:
        """The reply's JSON text."""
        return json.dumps(self.body())


class BadRequest(ApiError):
    """The request itself is wrong."""


class Forbidden(ApiError):
    """The caller lacks a privilege, or access to a category, group or target."""

    code = "access"
    status = 403


class NotAuthenticated(ApiError):
    """No valid session or API key came with the request."""

    code = "session"
    status = 403


class NotFound(ApiError):
    """The thing that the caller named does not exist."""

    code = "notfound"
    status = 404


class Conflict(ApiError):
    """The thing exists, but its state does not allow the call."""

    status = 409


class TooLarge(ApiError):
    """The body is larger than the server takes."""

    status = 413


class TooManyRequests(ApiError):
    """The caller asks more often than it may."""

    code = "rate"
    status = 429


class Unavailable(ApiError):
    """The server can't do this now; `Retry-After` says when to ask again."""

    status = 503


class Defect(ApiError):
    """Something of ours broke; the caller learns no more than that."""

    code = "internal"
    status = 500
