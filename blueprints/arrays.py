"""Replies with a long array: written piece by piece, plain or indented, compressed or not."""

import json as standard_json
import zlib
from collections.abc import Callable, Iterable, Iterator, Mapping

import gevent

from core import json
from core.aside import aside

#: Members after the array: JSON texts, or what makes them once the array is complete.
Rest = Mapping[str, str | Callable[[], str]]

_GZIP_LEVEL = 1
_GZIP_WBITS = 16 + zlib.MAX_WBITS


def members(rest: Rest) -> dict[str, str]:
    """The texts of the members after an array that is complete."""
    return {name: text if isinstance(text, str) else text() for name, text in rest.items()}


def compact(name: str, chunks: Iterable[list[str]], rest: Rest) -> Iterator[bytes]:
    """The reply as it is usually written."""
    opening = f'{{"code":0,"{name}":['
    for texts in chunks:
        if texts:
            yield _encoded(opening + ",".join(texts))
            opening = ","
    closing = "".join(f',"{key}":{text}' for key, text in members(rest).items())
    yield _encoded(f"{opening if opening != ',' else ''}]{closing}}}\n")


def pretty(name: str, chunks: Iterable[list[str]], rest: Rest) -> Iterator[bytes]:
    """The reply indented, as `indented()` would write all of it."""
    opening, end = f'{{\n\t"code": 0,\n\t"{name}": [', "]"
    for texts in chunks:
        if texts:
            # Indenting is slow, and no other request shall wait for it.
            yield _encoded(opening + ",".join(aside(_indented_all, texts)))
            opening, end = ",", "\n\t]"
    closing = "".join(f',\n\t"{key}": {indented(text, 1)}' for key, text in members(rest).items())
    yield _encoded(f"{opening if opening != ',' else ''}{end}{closing}\n}}\n")


def _indented_all(texts: list[str]) -> list[str]:
    return [f"\n\t\t{indented(text, 2)}" for text in texts]


def indented(text: str, depth: int = 0) -> str:
    """A JSON text on several lines, for a place that is so deep in another."""
    lines = standard_json.dumps(json.loads(text), indent="\t", ensure_ascii=False)
    return lines.replace("\n", "\n" + "\t" * depth)


def gzipped(pieces: Iterable[bytes]) -> Iterator[bytes]:
    """The pieces as one gzip stream."""
    compressor = zlib.compressobj(_GZIP_LEVEL, zlib.DEFLATED, _GZIP_WBITS)
    for piece in pieces:
        yield compressor.compress(piece)
    yield compressor.flush()


def in_turns(pieces: Iterable[bytes]) -> Iterator[bytes]:
    """The pieces that are not empty; other requests get their turn after each."""
    for piece in pieces:
        if piece:
            yield piece
        gevent.sleep(1e-9)


def _encoded(text: str) -> bytes:
    return text.encode("utf-8", "replace")
