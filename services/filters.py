"""Filters of lists: a value given by a caller against a record's, compared as JavaScript would."""

from typing import Any

from core.javascript import to_number, to_string


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
    return to_number(filter_value) == to_number(value)
