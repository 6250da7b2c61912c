"""Loose equality: the cases that clients rely on."""

import pytest

from services.filters import loosely_equal


@pytest.mark.parametrize(
    ("filter_value", "value", "equal"),
    [
        ("5", 5, True),
        (5, "5", True),
        (" 5 ", 5.0, True),
        ("5x", 5, False),
        ("", 0, True),
        ("5", "5.0", False),
        (1, True, True),
        ("1", True, True),
        ("true", True, False),
        (0, False, True),
        (False, None, False),
        (0, None, False),
        ("", None, False),
        (None, None, True),
        (None, 0, False),
        ("important", ["important"], True),
        ("grpz,main", ["grpz", "main"], True),
        ("main,grpz", ["grpz", "main"], False),
        ("", [], True),
        (5, [5], True),
        (["important"], ["important"], False),
        (["a"], "a", False),
        ({}, {}, False),
        ("[object Object]", {"a": 1}, True),
        (5, {"a": 1}, False),
        ("general", "general", True),
        (10**299, 5, False),
    ],
)
def test_loose_equality(filter_value, value, equal):
    assert loosely_equal(filter_value, value) is equal
