"""What the job's owner gets to see of an exchange: output data, and the details as Markdown."""

import json
import re
from collections.abc import Iterable, Mapping
from typing import Any, NoReturn

from http_body import MAX_KEPT_BYTES
from http_connection import without_password
from http_exchange import SENSITIVE_HEADER, Exchange

#: Deeper JSON is left out of the output data: the server would refuse the whole message.
MAX_JSON_DEPTH = 48
MAX_INTEGER_CHARS = 300
#: Shorter secrets are not looked for: hiding each "1" would hide everything.
MIN_SECRET_CHARS = 4


class Redactor:
    """Hides the values of the job's secrets."""

    def __init__(self, job: Mapping[str, Any]) -> None:
        secrets = job.get("secrets")
        values = secrets.values() if isinstance(secrets, dict) else ()
        texts = {value for value in values if isinstance(value, str)}
        # The longest first: one secret may be a part of another.
        self._secrets = sorted(
            (text for text in texts if len(text) >= MIN_SECRET_CHARS), key=len, reverse=True
        )

    def redact(self, text: str) -> str:
        """The text with asterisks in place of each secret."""
        for secret in self._secrets:
            text = text.replace(secret, "****")
        return text


def output_data(exchange: Exchange) -> dict[str, Any]:
    """Status, headers and, if it is JSON, the body of the response, for later jobs to use."""
    response = exchange.response
    if response is None:
        return {}
    data = {
        "statusCode": response.status,
        "statusMessage": response.reason,
        "headers": _merge(response.headers.items()),
    }
    body = exchange.response_body
    text = body.text(response.headers.get_content_charset()).strip()
    is_json = "json" in response.headers.get("Content-Type", "").lower()
    if body.is_whole and (is_json or (text.startswith("{") and text.endswith("}"))):
        data |= _parse(text)
    return data


def markdown(exchange: Exchange, description: str, redactor: Redactor) -> dict[str, str]:
    """The details of the exchange, credentials and secrets hidden."""
    sections = {
        "Summary": _summary(exchange, description),
        "Request Headers": _header_lines(exchange.headers),
        "Request Body": exchange.body[:MAX_KEPT_BYTES].decode("utf-8", "replace"),
    }
    if exchange.response:
        sections["Response Headers"] = _header_lines(exchange.response.headers.items())
        sections["Response Body"] = _response_body(exchange)
    content = [
        f"### {title}\n\n{_fence(redactor.redact(text))}"
        for title, text in sections.items()
        if text
    ]
    return {"title": "HTTP Request Details", "content": "\n\n".join(content)}


def _summary(exchange: Exchange, description: str) -> str:
    lines = [
        f"Request: {exchange.settings.method} {without_password(exchange.settings.url)}",
        f"Result: {description}",
    ]
    if exchange.redirects:
        final_url = f"{exchange.method} {without_password(exchange.url)}"
        lines.append(f"Redirects: {exchange.redirects}, the last to {final_url}")
    if exchange.response:
        lines.append(f"Body: {exchange.response_body.size_bytes} bytes")
    lines += [f"{name}: {spent:.3f} s" for name, spent in exchange.phases_seconds.items()]
    return "\n".join(lines)


def _header_lines(headers: Iterable[tuple[str, str]]) -> str:
    return "\n".join(
        f"{name}: {'****' if SENSITIVE_HEADER.search(name) else value}" for name, value in headers
    )


def _response_body(exchange: Exchange) -> str:
    body = exchange.response_body
    if exchange.download:
        return f"(Saved as {exchange.download.filename}, {body.size_bytes} bytes)"
    if b"\0" in body.kept:
        return f"(Binary, {body.size_bytes} bytes)"
    charset = exchange.response.headers.get_content_charset() if exchange.response else None
    rest = "" if body.is_whole else f"\n(The first {len(body.kept)} of {body.size_bytes} bytes)"
    return body.text(charset) + rest


def _fence(text: str) -> str:
    """A code block that the text can't end, in which the server finds no macros to expand."""
    longest = max((len(run) for run in re.findall("`+", text)), default=0)
    fence = "`" * max(3, longest + 1)
    return f"{fence}\n{text.replace('{{', '{ {')}\n{fence}"


def _merge(headers: Iterable[tuple[str, str]]) -> dict[str, str | list[str]]:
    """Headers by lower-case name; repeated ones joined, cookies as a list."""
    merged: dict[str, str | list[str]] = {}
    for name, value in ((name.lower(), value) for name, value in headers):
        known = merged.get(name)
        if name == "set-cookie":
            merged[name] = [*(known or []), value]
        else:
            merged[name] = value if known is None else f"{known}, {value}"
    return merged


def _parse(text: str) -> dict[str, Any]:
    """`json` with the parsed text, or nothing if it is not JSON that the server accepts."""
    try:
        value = json.loads(text, parse_constant=_refuse, parse_int=_integer, parse_float=_number)
    except (ValueError, RecursionError):
        return {}
    return {"json": value} if _is_shallow(value) else {}


def _refuse(text: str) -> NoReturn:
    raise ValueError(text)


def _integer(text: str) -> int:
    if len(text) > MAX_INTEGER_CHARS:
        raise ValueError(text[:20])
    return int(text)


def _number(text: str) -> float:
    value = float(text)
    if value in (float("inf"), float("-inf")):
        raise ValueError(text[:20])
    return value


def _is_shallow(value: Any) -> bool:
    # Level by level, so that the check itself can't run out of stack.
    level = [value]
    for _ in range(MAX_JSON_DEPTH):
        level = [
            child
            for node in level
            if isinstance(node, dict | list)
            for child in (node.values() if isinstance(node, dict) else node)
        ]
        if not level:
            return True
    return False
