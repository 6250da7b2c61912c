"""What the job wants requested: its parameters, validated, with the placeholders filled in."""

import json
import math
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import protocol

METHODS = ("GET", "HEAD", "POST", "PUT", "DELETE")
METHODS_WITH_BODY = ("POST", "PUT", "DELETE")
DEFAULT_TIMEOUT_SECONDS = 30.0
DEFAULT_CONNECT_TIMEOUT_SECONDS = 10.0
#: Longer times are cut to this: the operating system's timers have a limit.
MAX_TIMEOUT_SECONDS = 365 * 86400.0

_PLACEHOLDER = re.compile(r"\[([^\[\]]+)\]")
_HEADER_NAME = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]+")
#: Computed here, so that a wrong one can't break the message's framing.
_FRAMING_HEADERS = ("content-length", "transfer-encoding", "connection")


class RequestError(Exception):
    """The request has failed; the message is the job's description, `code` the job's code."""

    def __init__(self, description: str, code: int = 1) -> None:
        super().__init__(description)
        self.code = code


@dataclass(frozen=True)
class Settings:
    """All parameters of one request; times in seconds, None where there is no limit."""

    method: str
    url: str
    headers: tuple[tuple[str, str], ...]
    body: bytes
    timeout_seconds: float | None
    idle_timeout_seconds: float | None
    connect_timeout_seconds: float | None
    follow: bool
    verify_certificate: bool
    download: bool
    filename: str
    success_match: re.Pattern[str] | None
    error_match: re.Pattern[str] | None

    @classmethod
    def from_job(cls, job: Mapping[str, Any]) -> "Settings":
        """Read the job's parameters; raises `RequestError` for one that makes no sense."""
        params = job["params"]
        method = _method(params.get("method"))
        timeout = _seconds(params, "timeout", DEFAULT_TIMEOUT_SECONDS)
        return cls(
            method=method,
            url=_url(fill(_text(params.get("url")), job)),
            headers=_headers(_text(params.get("headers")), job),
            body=_body(method, _text(params.get("data")), job),
            timeout_seconds=timeout,
            idle_timeout_seconds=_seconds(params, "idle_timeout", timeout),
            connect_timeout_seconds=_seconds(
                params, "connect_timeout", DEFAULT_CONNECT_TIMEOUT_SECONDS
            ),
            follow=protocol.is_on(params.get("follow")),
            verify_certificate=not protocol.is_on(params.get("ssl_cert_bypass")),
            download=protocol.is_on(params.get("download")),
            filename=_text(params.get("filename")).strip(),
            success_match=_pattern(_text(params.get("success_match"))),
            error_match=_pattern(_text(params.get("error_match"))),
        )


def fill(text: str, job: Mapping[str, Any]) -> str:
    """Replace each `[key]` and `[path/key]` by the job's value; unknown ones stay as they are."""

    def value_of(match: re.Match[str]) -> str:
        value = _look_up(job, match[1])
        return match[0] if value is None else _text(value)

    return _PLACEHOLDER.sub(value_of, text)


def _look_up(job: Any, path: str) -> Any:
    value = job
    for key in path.strip("/").split("/"):
        if isinstance(value, dict):
            value = value.get(key)
        elif isinstance(value, list) and key.isascii() and key.isdigit():
            value = value[int(key)] if len(key) < 9 and int(key) < len(value) else None
        else:
            return None
    return value


def _text(value: Any) -> str:
    if value is None:
        return ""
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)


def _method(value: Any) -> str:
    # The whole menu, "GET, HEAD, ...", stands for its first item.
    method = _text(value).split(",")[0].strip().upper() or "GET"
    if method not in METHODS:
        raise RequestError(f"Unsupported HTTP method: {method}")
    return method


def _url(url: str) -> str:
    if not re.fullmatch(r"https?://\S+", url, re.IGNORECASE):
        raise RequestError(f"Malformed URL: {url or '(n/a)'}")
    return url


def _headers(text: str, job: Mapping[str, Any]) -> tuple[tuple[str, str], ...]:
    # Lines first, placeholders second: a value from the job must not become a header of its own.
    lines = [line.strip() for line in text.splitlines() if line.strip()]
    headers = [_header(fill(line, job)) for line in lines]
    return tuple(header for header in headers if header[0].lower() not in _FRAMING_HEADERS)


def _header(line: str) -> tuple[str, str]:
    name, colon, value = line.partition(":")
    name, value = name.strip(), value.strip()
    if not colon or not _HEADER_NAME.fullmatch(name) or re.search(r"[\r\n\0]", value):
        # Only the name: the value may be a secret.
        raise RequestError(f"Malformed header: {name}")
    return name, value


def _body(method: str, text: str, job: Mapping[str, Any]) -> bytes:
    if method not in METHODS_WITH_BODY:
        return b""
    return fill(text, job).encode("utf-8", "replace")


def _seconds(params: Mapping[str, Any], name: str, default: float | None) -> float | None:
    text = _text(params.get(name)).strip()
    if not text:
        return default
    try:
        seconds = float(text)
    except ValueError:
        seconds = math.nan
    if not 0 <= seconds < math.inf:
        raise RequestError(f"Invalid {name}: {text}")
    return min(seconds, MAX_TIMEOUT_SECONDS) or None


def _pattern(expression: str) -> re.Pattern[str] | None:
    if not expression:
        return None
    try:
        return re.compile(expression)
    except (re.error, OverflowError, RecursionError) as error:
        raise RequestError(f"Invalid regular expression: {expression}: {error}") from None
