"""Filters of lists: a value given by a caller against a record's, compared as JavaScript would."""

import math
import re
from typing import Any

from core.javascript import to_string

_NUMBER = re.compile(r"[+-]?(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d{1,9})?", re.ASCII)


def loosely_equal(filter_value: Any, value: Any) -> bool:
    """JavaScript's `filter_value == value`; an absent value is None.

    A list or an object as filter is another object than the record's, so equal to nothing.
    """
    if isinstance(filter_value, (list, dict)):
        return False
    if filter_value is None or value is None:
        return filter_value is value
    if isinstance(value, (list, dict)):
        value = to_string(value)
    if isinstance(filter_value, str) and isinstance(value, str):
        return filter_value == value
    return _to_number(filter_value) == _to_number(value)


def _to_number(value: Any) -> float:
    """`Number(value)` of a string, number or boolean; NaN, which equals nothing, if it is none."""
    if not isinstance(value, str):
        return float(value)
    digits = value.strip()
    if not digits:
        return 0
    return float(digits) if _NUMBER.fullmatch(digits) else math.nan
