"""The only parser of JSON text from outside, and the one compact writer.

It refuses what would hurt later: nesting beyond 64 levels, NaN and infinities, integers of more
than 300 digits. Lone surrogates, which no database and no UTF-8 reply can carry, are replaced.
"""

import json
import re
from typing import Any, NoReturn

#: The deepest nesting of arrays and objects that is accepted.
MAX_DEPTH = 64
#: The longest integer that is accepted, in characters: every float of the API is shorter.
MAX_INTEGER_CHARS = 300

_SURROGATE_ESCAPE = re.compile(r"\\u[dD][89a-fA-F]")
_INFINITIES = (float("inf"), float("-inf"))


class JSONError(ValueError):
    """The text is not JSON that we accept; the message says why and where."""

    def __init__(self, reason: str, position: int | None = None) -> None:
        super().__init__(reason if position is None else f"{reason} at position {position}")
        self.reason = reason
        self.position = position


def loads(text: str | bytes) -> Any:
    """Parse `text`; raises `JSONError` for everything that we do not accept."""
    if isinstance(text, bytes):
        text = text.decode("utf-8", "replace").removeprefix("\ufeff")
    try:
        value = _decode(text)
    except json.JSONDecodeError as error:
        raise JSONError(_reason(text, error), error.pos) from None
    except RecursionError:
        raise JSONError(f"Nested deeper than {MAX_DEPTH} levels") from None
    if text.count("[") + text.count("{") > MAX_DEPTH:
        _check_depth(value)
    # Only an escape can bring a surrogate in: decoding UTF-8 has replaced all others.
    if _SURROGATE_ESCAPE.search(text):
        value = _replace_surrogates(value)
    return value


def dumps(value: Any) -> str:
    """Compact JSON text of `value`, non-ASCII characters as they are."""
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"), allow_nan=False)


def canonical(value: Any) -> str:
    """JSON text that is the same for the same value, whatever the order of its keys."""
    return json.dumps(value, sort_keys=True, separators=(",", ":"), allow_nan=False)


def indented(value: Any) -> str:
    """JSON text of `value` for people, indented by tabs."""
    return json.dumps(value, ensure_ascii=False, indent="\t", allow_nan=False)


def _integer(text: str) -> int:
    if len(text) > MAX_INTEGER_CHARS:
        raise JSONError(f"Integer of more than {MAX_INTEGER_CHARS} digits")
    return int(text)


def _float(text: str) -> float:
    value = float(text)
    if value in _INFINITIES:
        raise JSONError("Number out of range")
    return value


def _constant(name: str) -> NoReturn:
    raise JSONError(f"{name} is not JSON")


# One decoder for all calls: `json.loads` would build one each time that hooks are given.
_decode = json.JSONDecoder(parse_int=_integer, parse_float=_float, parse_constant=_constant).decode


def _check_depth(value: Any) -> None:
    """Raise when containers nest too deep; level by level, so never deep in our own stack."""
    level = [value]
    for _ in range(MAX_DEPTH + 1):
        level = [child for node in level for child in _children(node)]
        if not level:
            return
    raise JSONError(f"Nested deeper than {MAX_DEPTH} levels")


def _children(node: Any) -> list[Any]:
    """The containers directly inside `node`."""
    if isinstance(node, dict):
        return [child for child in node.values() if isinstance(child, (dict, list))]
    if isinstance(node, list):
        return [child for child in node if isinstance(child, (dict, list))]
    return []


def clean_text(text: str) -> str:
    """`text` with lone surrogates replaced and pairs joined."""
    if text.isascii():
        return text
    return text.encode("utf-16", "surrogatepass").decode("utf-16", "replace")


def _replace_surrogates(value: Any) -> Any:
    """A copy of `value` (at most `MAX_DEPTH` deep) in which every string is valid Unicode."""
    if isinstance(value, str):
        return clean_text(value)
    if isinstance(value, list):
        return [_replace_surrogates(item) for item in value]
    if isinstance(value, dict):
        return {clean_text(key): _replace_surrogates(item) for key, item in value.items()}
    return value


def _reason(text: str, error: json.JSONDecodeError) -> str:
    """The parser's complaint in the words that clients of this API know."""
    if error.pos >= len(text):
        return "Unexpected end of JSON input"
    if error.msg.startswith("Expecting property name"):
        return "Expected property name or '}' in JSON"
    return f"Unexpected token '{text[error.pos]}' in JSON"
