"""Expressions that users write: compiled once, evaluated over plain JSON values, bounded.

The language is Jexl, which the API's events are written in. Nothing but the given values can be
reached, and an evaluation that would take too long or grow too large is an error.
"""

from core.expressions.budget import MAX_CHARS, Budget, ExpressionError
from core.expressions.parser import Expression, compile_expression
from core.expressions.values import UNDEFINED, text_of, truthy

__all__ = [
    "MAX_CHARS",
    "UNDEFINED",
    "Budget",
    "Expression",
    "ExpressionError",
    "compile_expression",
    "text_of",
    "truthy",
]
