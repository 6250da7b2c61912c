"""The parts of a compiled expression: each knows how to evaluate itself."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from core.expressions.budget import Budget
from core.expressions.functions import FUNCTIONS, call
from core.expressions.operators import OPERATORS
from core.expressions.values import UNDEFINED, normal, number, text, truthy


@dataclass(slots=True)
class Scope:
    """What an evaluation can reach: the values, the item that a filter looks at, the budget."""

    values: Mapping[str, Any]
    budget: Budget
    item: Any = UNDEFINED


Run = Callable[[Scope], Any]


@dataclass(frozen=True, slots=True)
class Node:
    """A part of an expression."""

    run: Run
    #: How many parts lie inside one another in it.
    depth: int = 1
    #: Whether it speaks of a filter's item.
    is_relative: bool = False


def constant(value: Any) -> Node:
    """A number, text or boolean that stands in the expression."""
    return Node(lambda _scope: value)


def variable(name: str) -> Node:
    """One of the values by its name."""
    return Node(lambda scope: scope.values.get(name, UNDEFINED))


def item_member(name: str) -> Node:
    """`.name`: a member of the item that a filter looks at."""
    return Node(lambda scope: _member(scope.item, name), is_relative=True)


def member(subject: Node, name: str) -> Node:
    """`subject.name`."""
    return _outer(lambda scope: _member(subject.run(scope), name), subject)


def _member(subject: Any, name: str) -> Any:
    """A member of an object; of an array, that of its first item, as Jexl has it."""
    if name == "length" and isinstance(subject, (str, list)):
        return len(subject)
    if isinstance(subject, list):
        subject = subject[0] if subject else UNDEFINED
    return subject.get(name, UNDEFINED) if isinstance(subject, dict) else UNDEFINED


def index(subject: Node, key: Node) -> Node:
    """`subject[key]`: a member or, with a boolean, the subject itself or nothing."""

    def run(scope: Scope) -> Any:
        whole, place = subject.run(scope), key.run(scope)
        if isinstance(place, bool):
            return whole if place else UNDEFINED
        return _at(whole, place, scope.budget)

    return _outer(run, subject, key)


def _at(subject: Any, place: Any, budget: Budget) -> Any:
    if isinstance(subject, dict):
        return subject.get(text(place, budget), UNDEFINED)
    if not isinstance(subject, (str, list)):
        return UNDEFINED
    if place == "length":
        return len(subject)
    position = normal(number(place))
    is_place = isinstance(position, int) and 0 <= position < len(subject)
    return subject[int(position)] if is_place else UNDEFINED


def select(subject: Node, condition: Node) -> Node:
    """`subject[.x > 1]`: the items of an array that meet a condition."""

    def run(scope: Scope) -> list[Any]:
        whole = subject.run(scope)
        items = whole if isinstance(whole, list) else [] if whole is UNDEFINED else [whole]
        return [
            item for item in items if truthy(condition.run(Scope(scope.values, scope.budget, item)))
        ]

    # The condition's item is the filter's own affair.
    return Node(_counted(run), 1 + max(subject.depth, condition.depth), subject.is_relative)


def binary(left: Node, sign: str, right: Node) -> Node:
    """An operator between two values."""
    work = OPERATORS[sign]
    return _outer(lambda scope: work(left.run(scope), right.run(scope), scope.budget), left, right)


def both(left: Node, right: Node) -> Node:
    """`left && right`."""

    def run(scope: Scope) -> Any:
        value = left.run(scope)
        return right.run(scope) if truthy(value) else value

    return _outer(run, left, right)


def either(left: Node, right: Node) -> Node:
    """`left || right`."""

    def run(scope: Scope) -> Any:
        value = left.run(scope)
        return value if truthy(value) else right.run(scope)

    return _outer(run, left, right)


def choose(condition: Node, first: Node, second: Node) -> Node:
    """`condition ? first : second`."""

    def run(scope: Scope) -> Any:
        return (first if truthy(condition.run(scope)) else second).run(scope)

    return _outer(run, condition, first, second)


def negate(value: Node) -> Node:
    """`!value`."""
    return _outer(lambda scope: not truthy(value.run(scope)), value)


def minus(value: Node) -> Node:
    """`-value`."""
    return _outer(lambda scope: normal(-number(value.run(scope))), value)


def array(items: Sequence[Node]) -> Node:
    """`[item, …]`."""
    return _outer(lambda scope: [_kept(item.run(scope)) for item in items], *items)


def _kept(value: Any) -> Any:
    return None if value is UNDEFINED else value


def mapping(pairs: Sequence[tuple[str, Node]]) -> Node:
    """`{key: value, …}`; undefined values leave no key."""

    def run(scope: Scope) -> dict[str, Any]:
        values = ((key, value.run(scope)) for key, value in pairs)
        return {key: value for key, value in values if value is not UNDEFINED}

    return _outer(run, *(value for _, value in pairs))


def function(name: str, arguments: Sequence[Node]) -> Node:
    """`name(argument, …)`; the name must be known."""
    work = FUNCTIONS[name]
    return _outer(
        lambda scope: call(name, work, scope.budget, [item.run(scope) for item in arguments]),
        *arguments,
    )


def _outer(run: Run, *parts: Node) -> Node:
    """A node around others."""
    depth = 1 + max((part.depth for part in parts), default=0)
    return Node(_counted(run), depth, any(part.is_relative for part in parts))


def _counted(run: Run) -> Run:
    """The same, paying for each evaluation."""

    def counted(scope: Scope) -> Any:
        scope.budget.spend()
        return run(scope)

    return counted
