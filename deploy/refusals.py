"""How gunicorn answers what never reaches the application: requests that are no HTTP."""

import json
import re
import secrets
import socket

from gunicorn import util

_TAG = re.compile(r"<[^>]*>")
#: What was sent may be quoted, but need not be sent back in full length.
_MOST_CHARS = 200


def write_error(connection: socket.socket, status: int, reason: str, message: str) -> None:
    """Answer as the application does: with the API's one error shape, and a request id."""
    shown = _TAG.sub("", message)[:_MOST_CHARS] or reason
    body = json.dumps({"code": "api", "description": shown}, separators=(",", ":")) + "\n"
    head = (
        f"HTTP/1.1 {status} {reason}",
        "Server: Switchyard",
        "Connection: close",
        "Content-Type: application/json",
        f"Content-Length: {len(body)}",
        "Cache-Control: no-store",
        f"X-Request-ID: {secrets.token_hex(16)}",
        "X-Content-Type-Options: nosniff",
        "Referrer-Policy: no-referrer",
    )
    text = "\r\n".join((*head, "", body))
    util.write_nonblock(connection, text.encode("ascii", "replace"))
