"""Expectations notice what they are there to notice."""

import pytest

from tests.contract.expectations import differences


@pytest.mark.parametrize(
    ("want", "got"),
    [
        ({"a": 1}, {"a": 1, "b": 2}),
        ("Child * ended", "Child 5 ended"),
        ("a*", "a\nb"),
        ("<number>", 1.5),
        ("<array>", []),
        ({"a": "<absent>"}, {}),
        ([{"a": "<string>"}], [{"a": "x"}]),
    ],
)
def test_what_fits(want, got):
    assert differences(want, got) == []


@pytest.mark.parametrize(
    ("want", "got"),
    [
        ({"a": 1}, {}),
        ({"a": 1}, {"a": True}),
        ({"a": 0}, {"a": "0"}),
        ("a.c", "abc"),
        ("Child * ended", "Child 5 ended."),
        ("<number>", True),
        ("<number>", "1"),
        ({"a": "<absent>"}, {"a": None}),
        ([1], [1, 2]),
        ([1, 2], [2, 1]),
        ("x", None),
    ],
)
def test_what_does_not_fit(want, got):
    assert differences(want, got)
