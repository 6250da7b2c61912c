"""Result codes: what programs report, as records have it."""

import re

_NOT_IN_CODES = re.compile(r"\W+")
_MOST_CHARS = 255
#: What a failure says that gives no reason.
NO_DESCRIPTION = "Unknown Error (no description provided)"


def normal_code(code: object) -> int | float | str:
    """A result code as records have it: 0, a number, or a lower-case word."""
    if not code:
        return 0
    if isinstance(code, str):
        return _NOT_IN_CODES.sub("_", code).lower()[:_MOST_CHARS]
    if isinstance(code, (int, float)) and not isinstance(code, bool):
        return code
    return "unknown"
