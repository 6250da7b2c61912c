"""The grammar of expressions, and compiling: from text to something that can be evaluated."""

from collections.abc import Mapping
from functools import lru_cache
from typing import Any

from lark import Lark, Token, Transformer, UnexpectedInput, v_args

from core.expressions import nodes
from core.expressions.budget import Budget, ExpressionError
from core.expressions.functions import FUNCTIONS
from core.expressions.nodes import Node, Scope
from core.expressions.values import normal

#: The longest expression, in characters, and how deep it may nest.
MAX_CHARS = 4096
_MAX_DEPTH = 100
#: Compiled expressions that are kept.
_MOST_KEPT = 256

# Weakest first; `&&` and `||` bind alike, and so do all operators of one rule: from the left.
_GRAMMAR = r"""
?start: choice
?choice: logic
    | logic "?" choice ":" choice  -> choose
    | logic "?" ":" choice         -> either
?logic: relation
    | logic "&&" relation          -> both
    | logic "||" relation          -> either
?relation: sum
    | relation RELATION sum        -> binary
?sum: product
    | sum SUM product              -> binary
?product: power
    | product PRODUCT power        -> binary
?power: unary
    | power POWER unary            -> binary
?unary: postfix
    | "!" unary                    -> negate
    | "-" unary                    -> minus
?postfix: primary
    | postfix "." NAME             -> member
    | postfix "[" choice "]"       -> bracket
    | postfix "|" NAME             -> transformed
    | postfix "|" NAME "(" [arguments] ")" -> transformed
?primary: "(" choice ")"
    | NUMBER                       -> number
    | STRING                       -> string
    | TRUE                         -> true
    | FALSE                        -> false
    | NAME                         -> variable
    | NAME "(" [arguments] ")"     -> function
    | "." NAME                     -> item_member
    | "[" [arguments] "]"          -> array
    | "{" [pair ("," pair)*] "}"   -> mapping
arguments: choice ("," choice)*
pair: (NAME | STRING) ":" choice

RELATION: /==|!=|<=|>=|<|>|in(?![\w$])/
SUM: /[+-]/
PRODUCT: /\/\/|\*|\//
POWER: /[%^]/
TRUE.2: /true(?![\w$])/
FALSE.2: /false(?![\w$])/
NAME: /[^\W\d][\w$]*|\$[\w$]*/
NUMBER: /\d*\.\d+|\d+/
STRING: /"(?:[^"\\]|\\.)*"|'(?:[^'\\]|\\.)*'/s
%ignore /\s+/
"""


@v_args(inline=True)
class _Builder(Transformer[Token, Node]):
    """Makes the parts of an expression as the parser finds them."""

    def number(self, token: Token) -> Node:
        return nodes.constant(normal(float(token)))

    def string(self, token: Token) -> Node:
        return nodes.constant(_unquoted(token))

    def true(self, _token: Token) -> Node:
        return nodes.constant(value=True)

    def false(self, _token: Token) -> Node:
        return nodes.constant(value=False)

    def variable(self, name: Token) -> Node:
        return nodes.variable(str(name))

    def item_member(self, name: Token) -> Node:
        return nodes.item_member(str(name))

    def member(self, subject: Node, name: Token) -> Node:
        return _bounded(nodes.member(subject, str(name)))

    def bracket(self, subject: Node, inside: Node) -> Node:
        make = nodes.select if inside.is_relative else nodes.index
        return _bounded(make(subject, inside))

    def transformed(self, subject: Node, name: Token, arguments: list[Node] | None = None) -> Node:
        return _function("Transform", name, [subject, *(arguments or [])])

    def function(self, name: Token, arguments: list[Node] | None) -> Node:
        return _function("Function", name, arguments or [])

    def binary(self, left: Node, sign: Token, right: Node) -> Node:
        return _bounded(nodes.binary(left, str(sign), right))

    def both(self, left: Node, right: Node) -> Node:
        return _bounded(nodes.both(left, right))

    def either(self, left: Node, right: Node) -> Node:
        return _bounded(nodes.either(left, right))

    def choose(self, condition: Node, first: Node, second: Node) -> Node:
        return _bounded(nodes.choose(condition, first, second))

    def negate(self, value: Node) -> Node:
        return _bounded(nodes.negate(value))

    def minus(self, value: Node) -> Node:
        return _bounded(nodes.minus(value))

    def array(self, items: list[Node] | None) -> Node:
        return _bounded(nodes.array(items or []))

    def mapping(self, *pairs: tuple[str, Node] | None) -> Node:
        return _bounded(nodes.mapping([pair for pair in pairs if pair is not None]))

    def arguments(self, *items: Node) -> list[Node]:
        return list(items)

    def pair(self, key: Token, value: Node) -> tuple[str, Node]:
        return _unquoted(key) if key.type == "STRING" else str(key), value


def _unquoted(token: Token) -> str:
    """The text inside the quotes; a backslash protects only these and itself."""
    quote, inside = token[0], token[1:-1]
    return inside.replace(f"\\{quote}", quote).replace("\\\\", "\\")


def _function(kind: str, name: Token, arguments: list[Node]) -> Node:
    if name not in FUNCTIONS:
        raise ExpressionError(f"{kind} is not defined: {name}")
    return _bounded(nodes.function(str(name), arguments))


def _bounded(node: Node) -> Node:
    # Evaluating goes as deep into Python's stack as the expression nests.
    if node.depth > _MAX_DEPTH:
        raise ExpressionError(f"Expression nests deeper than {_MAX_DEPTH} levels")
    return node


_parser = Lark(
    _GRAMMAR, parser="lalr", transformer=_Builder(), maybe_placeholders=True, start="start"
)


class Expression:
    """A compiled expression; any thread may evaluate it."""

    def __init__(self, root: Node) -> None:
        self._root = root

    def evaluate(self, values: Mapping[str, Any], budget: Budget | None = None) -> Any:
        """The value over these variables; raises `ExpressionError`.

        What the expression names and `values` don't have is `UNDEFINED`.
        """
        return self._root.run(Scope(values, budget or Budget()))


@lru_cache(_MOST_KEPT)
def compile_expression(source: str) -> Expression:
    """The compiled expression; raises `ExpressionError` with what is wrong with it."""
    if len(source) > MAX_CHARS:
        raise ExpressionError(f"Expression is longer than {MAX_CHARS} characters")
    try:
        root: Any = _parser.parse(source)
    except UnexpectedInput as error:
        raise ExpressionError(_complaint(source, error)) from None
    if root.is_relative:
        raise ExpressionError("Relative name outside of a filter")
    return Expression(root)


def _complaint(source: str, error: UnexpectedInput) -> str:
    position = -1 if error.pos_in_stream is None else error.pos_in_stream
    token = getattr(error, "token", None)
    at_end = not 0 <= position < len(source)
    if at_end or (token is not None and token.type == "$END"):
        return "Unexpected end of expression"
    return f"Unexpected token: {source[position] if token is None else token} at {position}"
