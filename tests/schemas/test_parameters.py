"""Parameter values: ranges, patterns, and patterns that would hang a weaker server."""

import time

import pytest

from core.errors import BadRequest
from schemas.parameters import check_values
from schemas.patterns import Budget, PatternError


def is_valid(definition, value):
    try:
        check_values([{"id": "x"} | definition], {"x": value}, "")
    except BadRequest:
        return False
    return True


@pytest.mark.parametrize(
    ("limits", "value", "valid"),
    [
        ("1-10/1", "5", True),
        ("1-10/1", 10, True),
        ("1-10/1", 10.5, False),
        ("1-10/1", 0, False),
        ("1-10/1", "11", False),
        ("1-10/1", "five", False),
        ("1-10/1", "5 apples", False),
        ("1-10/1", True, False),
        ("1-10/1", [5], True),
        ("1-10/any", 3.3, True),
        ("0-1/0.1", 0.3, True),
        ("0-1/0.1", 0.35, False),
        ("-5-5/1", -5, True),
        ("1-10", 2.5, True),
        ("1-10/0", 2.5, True),
        ("1-10/1", "1e400", False),
        ("1-10/1", "NaN", False),
        ("1-10/1", "9" * 4000, False),
        ("whatever", "5", True),
        ("1.2.3-4", "5", True),
        (5, "5", True),
    ],
)
def test_range(limits, value, valid):
    assert is_valid({"range": limits}, value) is valid


@pytest.mark.parametrize(
    ("pattern", "value", "valid"),
    [
        ("b", "abc", True),
        ("^b$", "abc", False),
        (r"^\w+$", "abc\n", False),
        (r"^(?<year>\d{4})-\d\d$", "2026-11", True),
        (r"^https?:\/\/\S+$", "https://example.com/", True),
        ("^true$", True, True),
        ("^1,2$", [1, 2], True),
        ("ä", "bär", True),
        ("(", "(", False),
        ({}, "x", False),
        ("x", "x" * 4097, False),
    ],
)
def test_pattern(pattern, value, valid):
    assert is_valid({"regex": pattern}, value) is valid


@pytest.mark.parametrize(
    "pattern",
    [
        "(a+)+$",
        r"^(\w+\s?)*$",
        "(?:(?:a{1000}){1000}){1000}",
        "(?:a?){1000}b",
        "(" * 400 + "a" + ")*" * 200,
        r"\p{L}" * 200,
        "[ab]*a[ab]{900}c",
    ],
)
def test_costly_patterns_take_little_time(pattern):
    started = time.thread_time()
    is_valid({"regex": pattern}, "a" * 4000 + "!")
    assert time.thread_time() - started < 1


def test_many_costly_patterns_share_one_budget():
    definitions = [{"id": str(n), "regex": f"(?:a?){{1000}}b{n}"} for n in range(250)]
    started = time.thread_time()
    with pytest.raises(BadRequest):
        check_values(definitions, {str(n): f"{'a' * 4000}ab{n}" for n in range(250)}, "")
    assert time.thread_time() - started < 1


@pytest.mark.parametrize(
    ("pattern", "reason"),
    [
        ("a" * 1001, "longer than 1000 characters"),
        ("(?=a)", "invalid perl operator: (?="),
        ("\ud800", "invalid Unicode"),
        (None, "not a string"),
    ],
)
def test_unusable_patterns_say_why(pattern, reason):
    with pytest.raises(PatternError, match=reason.replace("(", r"\(").replace("?", r"\?")):
        Budget().compile(pattern)


def test_definitions_of_any_shape_do_no_harm():
    for definitions in (None, "x", {}, [None, 5, [], {}, {"id": 5}, {"id": []}]):
        check_values(definitions, {"x": 1}, "")
