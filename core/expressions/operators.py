"""The operators of expressions, as JavaScript has them."""

import math
import operator
from collections.abc import Callable, Mapping
from typing import Any

from core.expressions.budget import Budget
from core.expressions.values import equal, is_container, normal, number, same, text

#: Takes both sides and the budget.
Operator = Callable[[Any, Any, Budget], Any]


def _add(left: Any, right: Any, budget: Budget) -> Any:
    if any(isinstance(side, str) or is_container(side) for side in (left, right)):
        first, second = text(left, budget), text(right, budget)
        budget.make(len(first) + len(second))
        return first + second
    return normal(number(left) + number(right))


def _arithmetic(work: Callable[[float, float], float]) -> Operator:
    def apply(left: Any, right: Any, _budget: Budget) -> float:
        return normal(work(number(left), number(right)))

    return apply


def _divide(left: float, right: float) -> float:
    if right:
        return left / right
    sign = math.copysign(1, left) * math.copysign(1, right)
    return math.nan if not left or math.isnan(left) else sign * math.inf


def _divide_whole(left: float, right: float) -> float:
    quotient = _divide(left, right)
    return math.floor(quotient) if math.isfinite(quotient) else quotient


def _remainder(left: float, right: float) -> float:
    return math.fmod(left, right) if right and math.isfinite(left) else math.nan


def _power(left: float, right: float) -> float:
    try:
        return math.pow(left, right)
    except OverflowError:
        return math.inf if left > 0 or right % 2 == 0 else -math.inf
    except ValueError:
        # A root of a negative number, or zero to a negative power.
        return math.nan if left else math.inf


def _comparison(compare: Callable[[Any, Any], bool]) -> Operator:
    def apply(left: Any, right: Any, budget: Budget) -> bool:
        if isinstance(left, str) and isinstance(right, str):
            budget.read(min(len(left), len(right)))
            return compare(left, right)
        return compare(number(left), number(right))

    return apply


def _contains(item: Any, place: Any, budget: Budget) -> bool:
    """`in`: a part of a text, or one of an array's items."""
    if isinstance(place, str):
        part = text(item, budget)
        budget.read(len(place))
        return part in place
    if not isinstance(place, list):
        return False
    for other in place:
        budget.spend()
        if same(item, other):
            return True
    return False


def _unequal(left: Any, right: Any, budget: Budget) -> bool:
    return not equal(left, right, budget)


OPERATORS: Mapping[str, Operator] = {
    "+": _add,
    "-": _arithmetic(operator.sub),
    "*": _arithmetic(operator.mul),
    "/": _arithmetic(_divide),
    "//": _arithmetic(_divide_whole),
    "%": _arithmetic(_remainder),
    "^": _arithmetic(_power),
    "==": equal,
    "!=": _unequal,
    "<": _comparison(operator.lt),
    "<=": _comparison(operator.le),
    ">": _comparison(operator.gt),
    ">=": _comparison(operator.ge),
    "in": _contains,
}
