"""docs/expressions.md is right: its examples compile, and it names what there is."""

import re

from core.expressions import MAX_CHARS, compile_expression
from core.expressions.functions import FUNCTIONS
from tests.docs import pages

PAGE = pages.read("docs/expressions.md")


def test_the_examples_compile():
    (example,) = re.findall(r"^```\n(.*?)^```", PAGE, re.DOTALL | re.MULTILINE)
    lines = example.splitlines()
    assert len(lines) > 5
    for line in lines:
        text = re.split(r"\s{2,}", line)[0]
        macro = re.match(r"{{(.*?)}}", text)
        compile_expression(macro[1] if macro else text)


def test_every_function_is_named():
    for name in FUNCTIONS:
        assert re.search(rf"`{name}[(`]", PAGE), name
    assert f"{MAX_CHARS:,}" in PAGE
