"""The simple language of queries: words, `field:value`, `a|b`, `-not`, `"as it is"`."""

import re
from dataclasses import dataclass

from schemas.search_query import (
    EVERYTHING,
    MAX_CONDITIONS,
    NOTHING,
    All,
    Node,
    Not,
    any_of,
    check_field,
    flaw,
)
from schemas.search_values import Clock, condition

#: One piece of a query: a text in quotes, a sign, white space, or anything up to these.
_PIECE = re.compile(r'"([^"]*)"|([:|])|(\s+)|([^\s:|"]+)')
_FIELD = re.compile(r"([+-]?)(\w.*)", re.DOTALL)


@dataclass
class _Part:
    """What stands between two blanks: alternatives, perhaps with a field before them."""

    position: int
    field: str = ""
    #: Each alternative as text; a quoted one is never a sign.
    alternatives: list[str] | None = None
    sign: str = ""


def parse_simple(query: str, clock: Clock) -> Node:
    """What a query means; raises `BadRequest` with what is wrong with it and where."""
    items: list[Node] = []
    field, had_star = "code", False
    parts = _parts(query)
    if sum(len(part.alternatives or ()) for part in parts) > MAX_CONDITIONS:
        raise flaw(f"More than {MAX_CONDITIONS} conditions", 0)
    for part in parts:
        field = check_field(part.field, part.position) if part.field else field
        had_star = had_star or (part.alternatives == ["*"] and part.sign != "-")
        values = [value for value in part.alternatives or () if value.strip("* ")]
        found = [condition(field, value, clock, part.position) for value in values]
        nodes = [node for node in found if node is not None]
        if nodes:
            items.append(Not(any_of(nodes)) if part.sign == "-" else any_of(nodes))
    if not items:
        return EVERYTHING if had_star else NOTHING
    return All(tuple(items))


def _parts(query: str) -> list[_Part]:
    """The query cut at its blanks, but for those in quotes and around `:` and `|`."""
    return [_part(texts) for texts in _chunks(query)]


#: A piece with where it stands; quoted texts are told from others by the flag.
_Piece = tuple[int, str, bool]


def _chunks(query: str) -> list[list[_Piece]]:
    """Pieces that belong together."""
    chunks: list[list[_Piece]] = []
    is_joined = False
    position = 0
    while position < len(query):
        match = _PIECE.match(query, position)
        if match is None:
            raise flaw("Unterminated quote", position)
        quoted, sign, blank, text = match.groups()
        if blank is not None:
            # A sign may follow, or may have come before: then this is no end of the part.
            is_joined = is_joined and bool(chunks) and chunks[-1][-1][1:] in _SIGNS
        else:
            piece = (position, sign or text or quoted or "", quoted is not None)
            if chunks and (is_joined or piece[1:] in _SIGNS):
                chunks[-1].append(piece)
            else:
                chunks.append([piece])
            is_joined = True
        position = match.end()
    return chunks


_SIGNS = ((":", False), ("|", False))


def _part(pieces: list[_Piece]) -> _Part:
    part = _Part(pieces[0][0])
    rest = pieces
    head = _FIELD.fullmatch(pieces[0][1]) if not pieces[0][2] else None
    if head and len(pieces) > 1 and pieces[1][1:] == (":", False):
        part.sign, part.field, rest = head[1], head[2], pieces[2:]
    alternatives = [""]
    for _, text, is_quoted in rest:
        if (text, is_quoted) == ("|", False):
            alternatives.append("")
        else:
            alternatives[-1] += text
    first_is_quoted = bool(rest) and rest[0][2]
    if not first_is_quoted and alternatives[0][:1] in ("+", "-"):
        # In a list of alternatives a minus says nothing.
        if alternatives[0][0] == "-" and len(alternatives) == 1:
            part.sign = "-"
        alternatives[0] = alternatives[0][1:]
    part.alternatives = alternatives
    return part
