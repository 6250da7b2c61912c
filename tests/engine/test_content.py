"""Shown content: safe, and as it was meant where that is safe."""

import pytest

from engine import content


def render(**sections):
    warnings = []
    return content.render(sections, warnings), warnings


def test_title_and_caption_are_kept():
    shown, _ = render(html={"title": "T", "content": "<b>x</b>", "caption": "c"})
    assert shown == {"title": "T", "content": "<b>x</b>", "caption": "c"}


def test_markdown_hides_text_and_text_hides_html():
    assert "div" in render(markdown="m", text="t", html="h")[0]["content"]
    assert render(text="t", html="h")[0]["content"] == "<pre>t</pre>"


@pytest.mark.parametrize(
    "section", [None, 5, [], {}, {"content": None}, {"content": {"a": 1}}, True]
)
@pytest.mark.parametrize("kind", content.KINDS)
def test_anything_may_be_given_as_a_section(kind, section):
    assert isinstance(render(**{kind: section})[0]["content"], str)


@pytest.mark.parametrize(
    "evil",
    [
        "<script>alert(1)</script>",
        '<img src=x onerror="alert(1)">',
        '<a href="javascript:alert(1)">x</a>',
        '<iframe src="http://x"></iframe>',
        "<svg><script>alert(1)</script></svg>",
        '<div style="background:url(javascript:alert(1))">x</div>',
        "<style>@import 'x'</style>",
        '<form action="http://x"><input></form>',
    ],
)
@pytest.mark.parametrize("kind", ["html", "markdown"])
def test_what_could_do_harm_is_taken_out(kind, evil):
    shown = render(**{kind: evil})[0]["content"].lower()
    for bad in ("<script", "onerror", "javascript:", "<iframe", "<style", "<form", "style="):
        assert bad not in shown


@pytest.mark.parametrize("kind", ["html", "markdown"])
def test_macros_stand_for_values_of_the_job(kind):
    shown = content.render(
        {kind: "{{ id }} {{ nothing }} {{ 1 + }} {{ evil }}"},
        [],
        lambda: {"id": "j1", "evil": "<script>alert(1)</script>"},
    )["content"]
    assert "j1 n/a (ERROR: Unexpected end of expression)" in shown
    assert "alert" not in shown


def test_values_are_only_asked_for_where_there_are_macros():
    def fail():
        raise AssertionError

    assert content.render({"html": "{ x }}"}, [], fail)["content"] == "{ x }}"
    assert content.render({"text": "{{ x }}"}, [], fail)["content"] == "<pre>{{ x }}</pre>"


def test_text_shows_everything_literally():
    shown, _ = render(text="<b>& 'quotes'</b>\n  indented")
    assert shown["content"] == "<pre>&lt;b&gt;&amp; 'quotes'&lt;/b&gt;\n  indented</pre>"


def test_too_much_is_cut_with_a_warning():
    shown, warnings = render(text="x" * 3_000_000)
    assert len(shown["content"]) < 1_100_000
    assert warnings == ["WARNING: text was cut to 1048576 characters."]


def test_an_ordinary_page_is_not_mistaken_for_an_attack():
    rows = "<tr><td>a<td>b" * 3000
    shown, warnings = render(html=f"<table>{rows}</table>{'<p>x' * 2000}{'<br>' * 2000}")
    assert warnings == []
    assert shown["content"].count("<td>") == 6000
