"""Macros: what is replaced, in which order, and what they can't do."""

import time

import pytest

from core import json
from services.macros import Macros, expanded

VALUES = {
    "id": "j1",
    "n": 5,
    "data": {"list": [1, 2]},
    "params": {"a": "A", "loop": "{{ params.loop }}"},
}


def expand(text, undefined="", **more):
    return Macros(VALUES | more, undefined).expand(text)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("plain", "plain"),
        ("{{ id }}", "j1"),
        ("{{id}}-{{ n + 1 }}", "j1-6"),
        ("a {{ nothing }} b", "a  b"),
        ("{{ data }}", '{"list":[1,2]}'),
        ("{{ data.list[1] }}", "2"),
        ("{{ n > 3 && true }}", "true"),
        ("{{ 1 + }}", "(ERROR: Unexpected end of expression)"),
        ("{{ abs() }}!", "(ERROR: Function abs needs more arguments)!"),
        ("{{}} {{ }}", "{{}} (ERROR: Unexpected end of expression)"),
        ("{{ id", "{{ id"),
        ("id }} {{ id }}", "id }} j1"),
        ("{{ open\n{{ id }}", "{{ open\nj1"),
        ("{{ id\n}}", "{{ id\n}}"),
        ("{{ '{' + '{ id }' + '}' }}", "j1"),
        ("{{ params.loop }}", "{{ params.loop }}"),
        ("{{ id.__class__ }}{{ __proto__ }}", ""),
        ("💥{{ id }}", "💥j1"),
    ],
)
def test_a_text(text, expected):
    assert expand(text) == expected


def test_undefined_may_be_shown():
    assert expand("{{ nothing }}", "n/a") == "n/a"


@pytest.mark.parametrize(
    "text",
    [
        "{{" * 300_000,
        "}}" * 300_000,
        "{{ a }}" * 100_000,
        "{{ x\n" * 100_000 + "}}",
        "{{ big }}" * 100,
        "{{ double }}",
        "{{" + "(" * 3000 + "}}",
    ],
)
def test_no_text_takes_long_or_grows_without_end(text):
    began = time.thread_time()
    result = expand(text, big="x" * 500_000, double="{{ double }}{{ double }}")
    assert time.thread_time() - began < 1
    assert len(result) <= max(len(text), 1024 * 1024)


def test_too_long_a_result_is_an_error():
    assert expand("{{ big }}{{ big }}", big="x" * 600_000) == "(ERROR: Result is too long)"


def test_many_parameters_do_not_multiply_a_large_value():
    params = {"big": "x" * 1024 * 1024, **{f"p{n}": "{{ params.big }}" for n in range(1000)}}
    made = expanded({"id": "j1", "params": params}, None)
    assert sum(map(len, made["params"].values())) < 8 * 1024 * 1024


def test_texts_beyond_a_mebibyte_are_left_alone():
    text = "{{ id }}" + "x" * 1024 * 1024
    assert expand(text) == text


def test_parameters_of_fields_come_first_and_others_see_what_became_of_them():
    job = {
        "id": "j1",
        "command": "run {{ params.who }} {{ data.x }}",
        "fields": [{"id": "who"}, {"id": "missing"}, {"id": "plain"}],
        "params": {
            "script": "echo {{ params.who }} {{ files[0].filename }}",
            "who": "{{ id }}",
            "plain": "text",
            "number": 5,
            "object": {"inside": "{{ id }}"},
        },
    }
    made = expanded(job, {"data": {"x": 1}, "files": [{"filename": "f.txt"}]})
    assert made["params"] == {
        "script": "echo j1 f.txt",
        "who": "j1",
        "plain": "text",
        "number": 5,
        "object": {"inside": "{{ id }}"},
    }
    assert made["command"] == "run j1 1"
    assert job["params"]["who"] == "{{ id }}"


def test_the_command_sees_parameters_before_their_own_macros_end_where_it_names_them():
    job = {"id": "j1", "params": {"who": "{{ id }}"}, "command": "run {{ params.who }}"}
    assert expanded(job, None)["command"] == "run j1"


@pytest.mark.parametrize(
    "value", ['say "hi"', "back\\slash", "two\nlines", '\\"', "{{ id }}", "", "5", '"5"', "é🚂"]
)
def test_a_body_of_json_stays_json_whatever_the_values_hold(value):
    template = (
        '{"a\\"b": "<{{ v }}>", "{{ v }}": [{{ v }}, {{ n }}, {{ data }}, {{ nosuch }}], "c": ""}'
    )
    body = json.loads(Macros(VALUES | {"v": value}, passes=1).expand_body(template))
    bare = 5 if value == "5" else "5" if value == '"5"' else value
    assert body == {'a"b': f"<{value}>", value: [bare, 5, {"list": [1, 2]}, ""], "c": ""}


@pytest.mark.parametrize("text", ["plain", "{{ v }}", 'v={{ v }}&"', '{"a": {{ v }}', "[{{ v }}"])
def test_a_body_that_is_no_json_is_any_text(text):
    body = Macros({"v": 'x"y'}, passes=1).expand_body(text)
    assert body == text.replace("{{ v }}", 'x"y')
