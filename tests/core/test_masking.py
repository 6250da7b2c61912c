"""By which texts secrets can be read, and what stands for them."""

import json
from urllib.parse import quote

import pytest

from core.masking import MASK, forms, masked


@pytest.mark.parametrize("value", ["plain-text", 'say "hi" \\ there', "a b&c=d/é🚂", "tab\there"])
def test_a_value_is_masked_in_all_its_forms(value):
    shown = (value, json.dumps(value), json.dumps(value, ensure_ascii=False), quote(value, safe=""))
    text = masked(" | ".join(shown), [value])
    assert text == f'{MASK} | "{MASK}" | "{MASK}" | {MASK}'


def test_the_longest_is_masked_first():
    assert masked("password password1", ["password", "password1"]) == f"{MASK} {MASK}"


def test_lines_count_one_by_one():
    key = "-----BEGIN KEY-----\nabcdefgh\r\n  ijklmnop\n\n-----END KEY-----"
    assert masked("x ijklmnop y abcdefgh", [key]) == f"x {MASK} y {MASK}"


def test_what_is_too_short_is_left():
    assert forms(["", "a", "abc", "ab\ncd"]) == []
    assert masked("cabbage abc", ["abc"]) == "cabbage abc"


def test_what_is_very_long_is_masked_in_pieces():
    value = "".join(f"{number:05}" for number in range(20_000))
    assert max(map(len, forms([value]))) == 2048
    assert set(masked(f"<{value}>", [value])) == set(f"<{MASK}>")
