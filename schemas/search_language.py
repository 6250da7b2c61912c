"""From the text of a query to what it means, in whichever of the two languages it is."""

from schemas.search_pxql import parse_pxql
from schemas.search_query import EVERYTHING, MAX_QUERY_CHARS, NOTHING, Node, flaw
from schemas.search_simple import parse_simple
from schemas.search_values import Clock


def parse(query: str, clock: Clock) -> Node:
    """What a query means; raises `BadRequest` with what is wrong with it and where."""
    if len(query) > MAX_QUERY_CHARS:
        raise flaw(f"Query is longer than {MAX_QUERY_CHARS} characters", MAX_QUERY_CHARS)
    text = query.strip()
    if query == "" or text == "*":
        return EVERYTHING
    if text.replace(" ", "") in ("", "()"):
        return NOTHING
    if text.startswith("(") and text.endswith(")"):
        return parse_pxql(text, clock)
    return parse_simple(text, clock)
