"""What stands for secrets in all that people read."""

import json
from collections.abc import Iterable
from urllib.parse import quote

MASK = "********"
#: Shorter texts are found everywhere: to mask them would tell more than it hides.
_LEAST_CHARS = 4
#: Longer ones are masked piece by piece: as much has to be held back where a text breaks off.
_MOST_CHARS = 2048


def forms(values: Iterable[str]) -> list[str]:
    """The texts by which these values can be read, the longest first.

    A value of several lines counts line by line, as programs print it; each line also as it
    looks inside JSON and in a URL.
    """
    lines = {line.strip() for value in values for line in value.splitlines()}
    shown = {form for line in lines for form in _forms_of(line)}
    pieces = {form[i : i + _MOST_CHARS] for form in shown for i in range(0, len(form), _MOST_CHARS)}
    found = (piece for piece in pieces if len(piece) >= _LEAST_CHARS)
    return sorted(found, key=lambda piece: (-len(piece), piece))


def _forms_of(line: str) -> set[str]:
    if len(line) < _LEAST_CHARS:
        return set()
    return {
        line,
        json.dumps(line, ensure_ascii=False)[1:-1],
        json.dumps(line)[1:-1],
        quote(line, safe=""),
    }


def masked(text: str, values: Iterable[str]) -> str:
    """The text without these values."""
    for form in forms(values):
        text = text.replace(form, MASK)
    return text
