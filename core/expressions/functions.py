"""The functions of expressions; each may also be written as a transform, `value|name(…)`."""

import math
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from core.expressions.budget import Budget, ExpressionError, check_length
from core.expressions.values import UNDEFINED, is_missing, normal, number, stringify, text

#: Takes the budget and the arguments.
Function = Callable[[Budget, Sequence[Any]], Any]

#: Decimal places that `round` knows.
_MOST_PLACES = 15


def call(name: str, function: Function, budget: Budget, arguments: Sequence[Any]) -> Any:
    """The function's value; raises `ExpressionError` where arguments are missing."""
    try:
        return function(budget, arguments)
    except IndexError:
        raise ExpressionError(f"Function {name} needs more arguments") from None


def _numeric(work: Callable[[float], float]) -> Function:
    def apply(_budget: Budget, arguments: Sequence[Any]) -> float:
        value = number(arguments[0])
        return normal(work(value)) if math.isfinite(value) else value

    return apply


def _textual(work: Callable[[str], str]) -> Function:
    def apply(budget: Budget, arguments: Sequence[Any]) -> Any:
        if is_missing(arguments[0]):
            return UNDEFINED
        whole = text(arguments[0], budget)
        budget.make(len(whole))
        changed = work(whole)
        budget.make(len(changed))
        return changed

    return apply


def _extreme(choose: Callable[[list[float]], float]) -> Function:
    def apply(budget: Budget, arguments: Sequence[Any]) -> float:
        values = arguments[0] if isinstance(arguments[0], list) else arguments
        budget.spend(len(values))
        numbers = [number(value) for value in values]
        if not numbers or any(map(math.isnan, numbers)):
            return math.nan
        return normal(choose(numbers))

    return apply


def _round(_budget: Budget, arguments: Sequence[Any]) -> float:
    """To the nearest number of so many decimal places, halves up."""
    value, places = number(arguments[0]), number(arguments[1]) if len(arguments) > 1 else 0
    if not math.isfinite(value) or not 0 <= places <= _MOST_PLACES:
        return value
    scale = 10 ** int(places)
    scaled = value * scale
    return normal(math.floor(scaled + 0.5) / scale) if math.isfinite(scaled) else value


def _length(_budget: Budget, arguments: Sequence[Any]) -> Any:
    value = arguments[0]
    return len(value) if isinstance(value, (str, list, dict)) else UNDEFINED


def _join(budget: Budget, arguments: Sequence[Any]) -> str:
    items = arguments[0] if isinstance(arguments[0], list) else [arguments[0]]
    between = text(arguments[1], budget) if len(arguments) > 1 else ","
    parts = []
    total = 0
    for item in items:
        parts.append("" if is_missing(item) else text(item, budget))
        budget.read(len(parts[-1]))
        total += len(parts[-1]) + len(between)
        check_length(total)
    return between.join(parts)


def _split(budget: Budget, arguments: Sequence[Any]) -> list[str]:
    whole, between = text(arguments[0], budget), text(arguments[1], budget)
    budget.read(len(whole))
    budget.spend(whole.count(between))
    return whole.split(between) if between else list(whole)


FUNCTIONS: Mapping[str, Function] = {
    "abs": _numeric(abs),
    "ceil": _numeric(math.ceil),
    "floor": _numeric(math.floor),
    "integer": _numeric(math.trunc),
    "join": _join,
    "length": _length,
    "lower": _textual(str.lower),
    "max": _extreme(max),
    "min": _extreme(min),
    "number": _numeric(float),
    "round": _round,
    "split": _split,
    "string": lambda budget, arguments: text(arguments[0], budget),
    "stringify": lambda budget, arguments: stringify(arguments[0], budget),
    "trim": _textual(str.strip),
    "upper": _textual(str.upper),
}
