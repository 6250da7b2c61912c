"""Web hooks: the parameters of their endpoints, and what a hook may be."""

import re
from collections.abc import Mapping
from typing import Any

from core.errors import BadRequest
from schemas.catalogue import ChangedRecord, NewRecord, Record
from schemas.checks import is_number
from schemas.wire import Anything, IdRequest, Number, Pattern, RequestSchema, Switch, Text

METHODS = ("GET", "HEAD", "POST", "PUT", "PATCH", "DELETE")
_HEADER_NAME = re.compile(r"[!#$%&'*+.^_`|~\w-]+", re.ASCII)
_URL = re.compile(r"https?://\S+", re.IGNORECASE)
_MOST_HEADERS = 100
_MOST_BODY_CHARS = 1024 * 1024
_MOST_HEADER_CHARS = 8192
#: What has to be a number, and how large it may be.
_NUMBERS = {"timeout": 600, "retries": 32, "max_per_day": 1e9}


class _WebHook(RequestSchema):
    method = Pattern(r"^\w+\Z", metadata={"description": f"One of {', '.join(METHODS)}."})
    url = Pattern(r"^\S+\Z", metadata={"description": "Where it goes; macros are replaced."})
    headers = Anything(metadata={"description": "Objects with `name` and `value`."})
    body = Text(metadata={"description": "What is sent; macros are replaced."})
    timeout = Number(metadata={"description": "Seconds until it is given up; 30 by default."})
    retries = Number(metadata={"description": "How often it is tried again after a failure."})
    follow = Switch(metadata={"description": "Whether redirects are followed."})
    ssl_cert_bypass = Switch(metadata={"description": "Whether any certificate will do."})
    max_per_day = Number(metadata={"description": "How often it may fire a day; 0: no limit."})


class CreateWebHook(_WebHook, NewRecord):
    """A new web hook."""

    url = Pattern(r"^\S+\Z", required=True, metadata={"description": "Where it goes."})


class UpdateWebHook(_WebHook, ChangedRecord):
    """Changes of a web hook."""


class TestWebHook(_WebHook, Record):
    """A web hook that is tried out; it need not be stored."""

    url = Pattern(r"^\S+\Z", required=True, metadata={"description": "Where it goes."})


class FireJobWebHook(IdRequest):
    """Which running job, and the proof that the caller acts for it."""

    auth = Pattern(r"^[\w\-]+\Z", required=True, metadata={"description": "The job's token."})


def check_web_hook(hook: Mapping[str, Any]) -> None:
    """Raise `BadRequest` for the first thing that no request could be made of."""
    if str(hook.get("method", "POST")).upper() not in METHODS:
        raise _malformed("method")
    url = hook.get("url")
    # A macro may stand anywhere in it, even for all of it.
    if not isinstance(url, str) or not ("{{" in url or _URL.fullmatch(url)):
        raise _malformed("url")
    body = hook.get("body", "")
    if not isinstance(body, str) or len(body) > _MOST_BODY_CHARS:
        raise _malformed("body")
    _check_headers(hook.get("headers", []))
    for key, most in _NUMBERS.items():
        value = hook.get(key, 0)
        if not is_number(value) or not 0 <= value <= most:
            raise _malformed(key)


def _check_headers(headers: Any) -> None:
    if not isinstance(headers, list) or len(headers) > _MOST_HEADERS:
        raise _malformed("headers")
    for header in headers:
        name = header.get("name") if isinstance(header, dict) else None
        value = header.get("value") if isinstance(header, dict) else None
        if not isinstance(name, str) or not _HEADER_NAME.fullmatch(name):
            raise _malformed("headers")
        if not isinstance(value, str) or len(value) > _MOST_HEADER_CHARS:
            raise _malformed("headers")
        if not value.isascii() or not value.isprintable():
            raise _malformed("headers")


def _malformed(key: str) -> BadRequest:
    return BadRequest(f"Malformed web hook parameter: {key}")
