"""JavaScript's conversions of JSON values, which parameters and messages of the API follow."""

import math
import re
from decimal import Decimal
from typing import Any

_NUMBER = re.compile(r"[+-]?(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d{1,9})?", re.ASCII)
_LEADING_INTEGER = re.compile(r"\s*([+-]?\d{1,400})", re.ASCII)
#: From here on, whole numbers are no longer exact and are shown by their leading digits.
_FIRST_INEXACT = 2**53


def to_string(value: Any) -> str:
    """`String(value)`: objects as `[object Object]`, arrays as their items with commas."""
    if isinstance(value, str):
        return value
    if value is None:
        return "null"
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, (int, float)):
        return _number_text(value)
    if isinstance(value, list):
        return ",".join("" if item is None else to_string(item) for item in value)
    return "[object Object]"


def type_of(value: Any) -> str:
    """`typeof value`."""
    if isinstance(value, bool):
        return "boolean"
    if isinstance(value, str):
        return "string"
    return "number" if isinstance(value, (int, float)) else "object"


def is_truthy(value: Any) -> bool:
    """`Boolean(value)`: unlike in Python, empty arrays and objects are true."""
    if isinstance(value, (list, dict)):
        return True
    return bool(value) and value == value  # noqa: PLR0124 - NaN is the one that differs from itself


def to_number(value: Any) -> float:
    """`Number(value)`: NaN, which equals nothing, for what is no number."""
    if value is None:
        return 0
    if isinstance(value, (int, float)):
        return float(value)
    digits = to_string(value).strip()
    if not digits:
        return 0
    return float(digits) if _NUMBER.fullmatch(digits) else math.nan


def parse_int(value: Any) -> float:
    """`parseInt(value, 10)`: an integer, or NaN where the text does not begin with one."""
    match = _LEADING_INTEGER.match(to_string(value))
    if match is None:
        return math.nan
    number = int(match[1])
    # Beyond that, JavaScript itself is not exact, and no count or direction is meant.
    return max(-_FIRST_INEXACT, min(number, _FIRST_INEXACT))


def _number_text(number: float) -> str:
    if isinstance(number, int) and abs(number) < _FIRST_INEXACT:
        return str(number)
    value = float(number)
    if value == 0:
        return "0"
    if not math.isfinite(value):
        return "NaN" if math.isnan(value) else "Infinity" if value > 0 else "-Infinity"
    shortest = repr(value)
    if 1e-6 <= abs(value) < 1e21:
        return f"{Decimal(shortest):f}".removesuffix(".0")
    return re.sub(r"e([+-])0+", r"e\1", shortest)
