"""JavaScript's conversions, as its engines have them."""

import math

import pytest

from core.javascript import is_truthy, parse_int, to_string, type_of


@pytest.mark.parametrize(
    ("value", "text"),
    [
        ("x", "x"),
        (None, "null"),
        (True, "true"),
        (False, "false"),
        (0, "0"),
        (-0.0, "0"),
        (5, "5"),
        (5.0, "5"),
        (-1.5, "-1.5"),
        (0.1, "0.1"),
        (0.000001, "0.000001"),
        (0.0000001, "1e-7"),
        (1.5e-10, "1.5e-10"),
        (2**53, "9007199254740992"),
        (2**53 + 1, "9007199254740992"),
        (123456789012345678901, "123456789012345680000"),
        (1e21, "1e+21"),
        (10**22, "1e+22"),
        (1.5e300, "1.5e+300"),
        ([], ""),
        ([1, "a", None, [2, 3]], "1,a,,2,3"),
        ({}, "[object Object]"),
        ([{}], "[object Object]"),
    ],
)
def test_to_string(value, text):
    assert to_string(value) == text


@pytest.mark.parametrize("value", [None, False, 0, 0.0, -0.0, "", math.nan])
def test_what_is_false(value):
    assert not is_truthy(value)


@pytest.mark.parametrize("value", [True, 1, -1, 0.1, "0", "false", " ", [], {}, [0]])
def test_what_is_true(value):
    assert is_truthy(value)


@pytest.mark.parametrize(
    ("value", "name"),
    [
        (True, "boolean"),
        (1, "number"),
        (1.5, "number"),
        ("", "string"),
        (None, "object"),
        ([], "object"),
        ({}, "object"),
    ],
)
def test_type_of(value, name):
    assert type_of(value) == name


@pytest.mark.parametrize(
    ("value", "number"),
    [
        ("5", 5),
        (" 12abc", 12),
        ("-3.9", -3),
        ("+7", 7),
        (2.9, 2),
        (10**22, 1),
        ([4, 5], 4),
        ("9" * 500, 2**53),
        ("-" + "9" * 500, -(2**53)),
    ],
)
def test_parse_int(value, number):
    assert parse_int(value) == number


@pytest.mark.parametrize("value", ["", "abc", "-", None, True, {}, [], "٣", ".5"])
def test_parse_int_of_no_integer_is_nan(value):
    assert math.isnan(parse_int(value))
