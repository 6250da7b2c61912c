"""The language of queries in parentheses: comparisons, `&&`, `||` and more parentheses."""

import re
from typing import Any

from lark import Lark, Token, Transformer, UnexpectedInput, v_args
from lark.exceptions import VisitError

from core import json
from core.errors import BadRequest
from schemas.search_query import (
    MAX_CONDITIONS,
    NOTHING,
    RANGE_FIELDS,
    All,
    AnyOf,
    Node,
    Not,
    check_field,
    flaw,
)
from schemas.search_values import Clock, comparison, condition

_MAX_DEPTH = 32
#: A parenthesis, or a whole text: parentheses in it are none. It never goes back over a text.
_NESTING = re.compile(r'"(?:[^"\\]|\\.)*+"?|[()]', re.DOTALL)

_GRAMMAR = r"""
start: group
?group: "(" inside ")"
?inside: item
    | item (AND item)+   -> all
    | item (OR item)+    -> any
?item: COLUMN SIGN (NUMBER | STRING)  -> comparison
    | group

AND: /&&?/
OR: /\|\|?/
COLUMN: /[A-Za-z]\w*/
SIGN: />=|<=|==|=~|!~|=|>|</
NUMBER: /-?\d+(\.\d+)?/
STRING: /"(?:[^"\\]|\\.)*"/s
%ignore /\s+/
"""
_parser = Lark(_GRAMMAR, parser="lalr", maybe_placeholders=False)


@v_args(inline=True)
class _Builder(Transformer[Token, Node]):
    """Makes the conditions of a parsed query."""

    def __init__(self, clock: Clock) -> None:
        super().__init__()
        self._clock = clock
        self._count = 0

    def start(self, node: Node) -> Node:
        return node

    def all(self, *items: Node | Token) -> Node:
        return All(_nodes(items))

    def any(self, *items: Node | Token) -> Node:
        return AnyOf(_nodes(items))

    def comparison(self, column: Token, sign: Token, value: Token) -> Node:
        at = value.start_pos or 0
        self._count += 1
        if self._count > MAX_CONDITIONS:
            raise flaw(f"More than {MAX_CONDITIONS} conditions", at)
        field = check_field(str(column), column.start_pos or 0)
        text = _text(value, at)
        if field in RANGE_FIELDS and sign in (">=", "<=", ">", "<"):
            return comparison(field, str(sign), text, self._clock, at)
        if sign in (">=", "<=", ">", "<"):
            raise flaw(f"Column has no order: {column}", sign.start_pos or 0)
        found = condition(field, text, self._clock, at) or NOTHING
        return Not(found) if sign == "!~" else found


def _nodes(items: tuple[Node | Token, ...]) -> tuple[Node, ...]:
    return tuple(item for item in items if not isinstance(item, Token))


def parse_pxql(query: str, clock: Clock) -> Node:
    """What a query in parentheses means; raises `BadRequest` with what is wrong and where."""
    _check_depth(query)
    try:
        tree: Any = _parser.parse(query)
        return _Builder(clock).transform(tree)
    except UnexpectedInput as error:
        raise _complaint(query, error) from None
    except VisitError as error:
        if isinstance(error.orig_exc, BadRequest):
            raise error.orig_exc from None
        raise


def _text(value: Token, position: int) -> str:
    if value.type == "NUMBER":
        return str(value)
    try:
        return str(json.loads(str(value)))
    except json.JSONError:
        raise flaw("Invalid string", position) from None


def _check_depth(query: str) -> None:
    """Refuse what nests too deep, before anything goes as deep."""
    depth = 0
    for match in _NESTING.finditer(query):
        depth += {"(": 1, ")": -1}.get(match[0], 0)
        if depth > _MAX_DEPTH:
            raise flaw(f"Query nests deeper than {_MAX_DEPTH} levels", match.start())


def _complaint(query: str, error: UnexpectedInput) -> BadRequest:
    position = -1 if error.pos_in_stream is None else error.pos_in_stream
    token = getattr(error, "token", None)
    if not 0 <= position < len(query) or (token is not None and token.type == "$END"):
        return flaw("Syntax error: unexpected end of query", len(query))
    return flaw(f"Syntax error: unexpected {query[position]!r}", position)
