"""Building replies: JSON of the API's form, compressed and indented for those who ask."""

import gzip
import re
from collections.abc import Iterable, Mapping
from itertools import chain
from typing import Any

from flask import Response, request, stream_with_context

from blueprints import arrays
from blueprints.arrays import Rest
from core import json
from core.aside import aside_if_large

#: Smaller bodies are sent as they are.
_MIN_GZIP_BYTES = 1024
#: Fast rather than small: a reply is sent once.
_GZIP_LEVEL = 1
_SECONDS = re.compile(r"\d{1,9}", re.ASCII)
_PRETTY = re.compile(r"(?:^|&)pretty=1(?:&|$)")
_HEADERS = (
    ("Cache-Control", "no-store"),
    ("Content-Security-Policy", "default-src 'none'; frame-ancestors 'none'"),
)

#: What a view may return: members of the reply, the reply's text, a whole response, or nothing.
Returned = Mapping[str, Any] | str | Response | None


def reply(value: Returned) -> Response:
    """The response for what a view returned."""
    if isinstance(value, Response):
        return value
    if value is None:
        return json_response('{"code":0}')
    if isinstance(value, str):
        return json_response(value)
    return json_response(json.dumps({"code": 0, **value}))


def cacheable(value: Returned) -> Response:
    """The response, for caches to keep for `ttl` seconds of the query, or for five minutes."""
    response = reply(value)
    seconds = _SECONDS.fullmatch(request.args.get("ttl", ""))
    age = seconds[0] if seconds else "300"
    response.headers["Cache-Control"] = f"public, max-age={age}, must-revalidate"
    # What one caller may see, a shared cache must not show to another.
    response.vary.update(("Authorization", "Cookie", "X-API-Key", "X-Session-ID"))
    return response


def spliced(parts: Mapping[str, str | Iterable[str]]) -> str:
    """A reply's text from members that are JSON texts, or arrays of such; parses nothing."""
    members = (
        f',"{name}":{text}' if isinstance(text, str) else f',"{name}":[{",".join(text)}]'
        for name, text in parts.items()
    )
    return f'{{"code":0{"".join(members)}}}'


def array_reply(name: str, chunks: Iterable[list[str]], rest: Rest | None = None) -> Returned:
    """A reply with an array of JSON texts: whole when it is one chunk, else chunk by chunk.

    So a list of any length costs the memory of one chunk; `rest` are members after the array.
    """
    ahead = iter(chunks)
    first, second = next(ahead, []), next(ahead, None)
    if second is None:
        return spliced({name: first, **arrays.members(rest or {})})
    write = arrays.pretty if _wants_pretty() else arrays.compact
    pieces = write(name, chain([first, second], ahead), rest or {})
    fields = [*_HEADERS, ("Vary", "Accept-Encoding")]
    if accepts_gzip():
        fields.append(("Content-Encoding", "gzip"))
        pieces = arrays.gzipped(pieces)
    streamed = stream_with_context(arrays.in_turns(pieces))
    return Response(streamed, headers=fields, content_type="application/json")


def json_response(
    text: str, status: int = 200, headers: Mapping[str, str] | None = None
) -> Response:
    """A response with a JSON text as its body."""
    body = f"{text}\n".encode("utf-8", "replace")
    if _wants_pretty():
        body = aside_if_large(_indented, body)
    fields = [*_HEADERS, *(headers or {}).items()]
    if len(body) > _MIN_GZIP_BYTES:
        fields.append(("Vary", "Accept-Encoding"))
        if accepts_gzip():
            fields.append(("Content-Encoding", "gzip"))
            body = aside_if_large(_compress, body)
    return Response(body, status, fields, content_type="application/json")


def accepts_gzip() -> bool:
    """Whether the client would rather have its reply compressed."""
    # Most clients say nothing of it; parsing what they say takes longer than looking.
    header: str = request.environ.get("HTTP_ACCEPT_ENCODING", "").lower()
    if "gzip" not in header and "*" not in header:
        return False
    accepted = request.accept_encodings
    return 0 < accepted.quality("gzip") >= accepted.quality("identity")


def refuses_identity() -> bool:
    """Whether the client says that it can't take what is not compressed."""
    accepted = {name.lower(): quality for name, quality in request.accept_encodings}
    return accepted.get("identity", accepted.get("*", 1)) == 0


def _indented(data: bytes) -> bytes:
    return f"{arrays.indented(data.decode())}\n".encode("utf-8", "replace")


def _compress(data: bytes) -> bytes:
    return gzip.compress(data, _GZIP_LEVEL, mtime=0)


def _wants_pretty() -> bool:
    query: str = request.environ.get("QUERY_STRING", "")
    return "pretty" in query and _PRETTY.search(query) is not None
