"""Values of expressions: JSON's and `undefined`, converted and compared as JavaScript does."""

import math
from enum import Enum
from typing import Any, Final

from core import json
from core.expressions.budget import Budget, check_length
from core.javascript import is_truthy, to_number, to_string


class _Undefined(Enum):
    """The type of `undefined`."""

    UNDEFINED = "undefined"


UNDEFINED: Final = _Undefined.UNDEFINED

#: From here on, floating point no longer knows every whole number.
_FIRST_INEXACT = 2**53


def truthy(value: Any) -> bool:
    """`Boolean(value)`."""
    return value is not UNDEFINED and is_truthy(value)


def number(value: Any) -> float:
    """`Number(value)`."""
    return math.nan if value is UNDEFINED else to_number(value)


def normal(value: float) -> float:
    """A number as JSON would have it: whole ones without a fraction."""
    if math.isfinite(value) and value == int(value) and abs(value) < _FIRST_INEXACT:
        return int(value)
    return value


def text(value: Any, budget: Budget) -> str:
    """`String(value)`."""
    if isinstance(value, str):
        return value
    if value is UNDEFINED:
        return "undefined"
    if isinstance(value, list):
        _pay(value, budget)
    return to_string(value)


def text_of(value: Any, budget: Budget) -> str:
    """How a result reads in a text: nothing where undefined, objects and arrays as JSON."""
    if value is UNDEFINED:
        return ""
    if isinstance(value, (dict, list)):
        return stringify(value, budget)
    return text(value, budget)


def stringify(value: Any, budget: Budget) -> str:
    """`JSON.stringify(value)`."""
    if value is UNDEFINED:
        return "undefined"
    _pay(value, budget)
    return json.dumps(_finite(value))


def _pay(value: Any, budget: Budget) -> None:
    """Pay for all that a value holds, before anything copies it."""
    chars, left = 0, [value]
    while left:
        item = left.pop()
        size = len(item) if isinstance(item, str) else 0
        if isinstance(item, (dict, list)):
            budget.spend(len(item))
            left.extend(item.values() if isinstance(item, dict) else item)
            size = sum(map(len, item)) if isinstance(item, dict) else 0
        budget.read(size)
        chars += size
        check_length(chars)


def _finite(value: Any) -> Any:
    """A copy with null for what JSON has no number for."""
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    if isinstance(value, list):
        return [_finite(item) for item in value]
    if isinstance(value, dict):
        return {key: _finite(item) for key, item in value.items()}
    return value


def is_container(value: Any) -> bool:
    """Whether a value is an array or an object."""
    return isinstance(value, (list, dict))


def is_missing(value: Any) -> bool:
    """Whether a value is `null` or `undefined`."""
    return value is None or value is UNDEFINED


def equal(left: Any, right: Any, budget: Budget) -> bool:
    """`left == right`."""
    if is_missing(left) or is_missing(right):
        return is_missing(left) and is_missing(right)
    if is_container(left) and is_container(right):
        return left is right
    if is_container(left) or is_container(right):
        left, right = text(left, budget), text(right, budget)
    if isinstance(left, str) and isinstance(right, str):
        budget.read(min(len(left), len(right)))
        return left == right
    return number(left) == number(right)


def same(left: Any, right: Any) -> bool:
    """`left === right`."""
    if is_container(left) or is_container(right) or is_missing(left) or is_missing(right):
        return left is right
    if isinstance(left, bool) or isinstance(right, bool):
        return left is right
    return isinstance(left, str) == isinstance(right, str) and bool(left == right)
