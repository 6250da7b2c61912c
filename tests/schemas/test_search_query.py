"""Queries of searches: what each text means, in both languages, and what is refused."""

import contextlib
import math
import time
from datetime import UTC, datetime
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from core.errors import BadRequest
from schemas.search_language import parse
from schemas.search_query import (
    EVERYTHING,
    NOTHING,
    All,
    AnyOf,
    Not,
    Range,
    Text,
    Word,
)
from schemas.search_values import Clock

DAY = 86400.0
#: 2026-11-24, half past ten.
NOW = datetime(2026, 11, 24, 10, 30, tzinfo=UTC).timestamp()
TODAY = datetime(2026, 11, 24, tzinfo=UTC).timestamp()
HOUR = TODAY + 10 * 3600
CLOCK = Clock(NOW, UTC)


def meaning(query, clock=CLOCK):
    """What a query means, a single condition as it is."""
    node = parse(query, clock)
    return node.items[0] if isinstance(node, All) and len(node.items) == 1 else node


def word(field, *words):
    return Word(field, words)


def after(number):
    return math.nextafter(number, math.inf)


FLAG = word("tags", "flag")


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        ("", EVERYTHING),
        ("*", EVERYTHING),
        ("  * ", EVERYTHING),
        ("* *", EVERYTHING),
        ("   ", NOTHING),
        ("\t\n", NOTHING),
        ("()", NOTHING),
        ("( )", NOTHING),
        ("tags:", NOTHING),
        ("---", NOTHING),
        ("-*", NOTHING),
        ("|", NOTHING),
        (":", NOTHING),
        ('""', NOTHING),
        ("* tags:flag", FLAG),
        ("tags:flag *", FLAG),
        ("--- tags:flag", FLAG),
    ],
)
def test_queries_that_say_nothing_find_everything_or_nothing(query, expected):
    assert meaning(query) == expected


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        ("abort", word("code", "abort")),
        ("tags:flag", FLAG),
        ("TAGS:Flag", FLAG),
        ("tags : flag", FLAG),
        ("+tags:flag", FLAG),
        ("tags:+flag", FLAG),
        ("tags:Ünïcode", word("tags", "unicode")),
        ("code:2.5", word("code", "2_5")),
        ("tags:my-tag", word("tags", "my", "tag")),
        ('tags:"my tag"', word("tags", "my", "tag")),
        ('tags:"my:tag|x"', word("tags", "my", "tag", "x")),
        ("tags:a:b", word("tags", "a", "b")),
        ("code:>=1", word("code", "1")),
        ("code:1..5", word("code", "1", "5")),
        ("text:fox", Text(("fox",))),
        ('text:"quick brown fox"', Text(("quick", "brown", "fox"))),
        ("workflow:wf1", word("workflow", "wf1")),
        ("tags:flag other", All((FLAG, word("tags", "other")))),
        ("tags:flag code:0", All((FLAG, word("code", "0")))),
    ],
)
def test_words_and_phrases(query, expected):
    assert meaning(query) == expected


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        ("-abort", Not(word("code", "abort"))),
        ("-tags:flag", Not(FLAG)),
        ("tags:-flag", Not(FLAG)),
        ("+tags:-flag", Not(FLAG)),
        ("tags: -flag", Not(FLAG)),
        ('-"user code"', Not(word("code", "user", "code"))),
        ('tags:-"my tag"', Not(word("tags", "my", "tag"))),
        ('tags:"-flag"', FLAG),
        ("tags:a -flag", All((word("tags", "a"), Not(FLAG)))),
        ("-a -b", All((Not(word("code", "a")), Not(word("code", "b"))))),
        ("-tags:a|b", Not(AnyOf((word("tags", "a"), word("tags", "b"))))),
        ("elapsed:-5", Not(Range("elapsed", 5, 6))),
        ("date:-2026-11-24", Not(Range("completed", TODAY, TODAY + DAY))),
    ],
)
def test_exclusions(query, expected):
    assert meaning(query) == expected


@pytest.mark.parametrize(
    "query",
    [
        "tags:a|b",
        "tags: a | b",
        "tags:-a|b",
        "tags:a|-b",
        "tags:a||b",
        "tags:|a|b",
        "tags:a|b|",
        "tags:a|b|---",
        'tags:"a"|"b"',
    ],
)
def test_alternatives(query):
    assert meaning(query) == AnyOf((word("tags", "a"), word("tags", "b")))


@pytest.mark.parametrize(
    ("query", "low", "high"),
    [
        ("date:2026-11-24", TODAY, TODAY + DAY),
        ("date:2026/11/24", TODAY, TODAY + DAY),
        ("date:2026.11.24", TODAY, TODAY + DAY),
        ("date:2026:11:24", TODAY, TODAY + DAY),
        ('date:"2026 11 24"', TODAY, TODAY + DAY),
        ("date:today", TODAY, TODAY + DAY),
        ("date:=today", TODAY, TODAY + DAY),
        ("date:now", HOUR, HOUR + 3600),
        ("date:>=today", TODAY, None),
        ("date:>today", TODAY + DAY, None),
        ("date:<today", None, TODAY),
        ("date:<=today", None, TODAY + DAY),
        ("date:>=now", NOW, None),
        ("date:<=now", None, after(NOW)),
        ("date:2026-11-22..2026-11-23", TODAY - 2 * DAY, TODAY),
        ("date:today..", TODAY, None),
        ("date:..today", None, TODAY + DAY),
        ("date:..", None, None),
        ("date:today..now", TODAY, after(NOW)),
        (f"date:{NOW:.0f}", HOUR, HOUR + 3600),
        ("date:2026-02-28", TODAY - 269 * DAY, TODAY - 268 * DAY),
        ("completed:1000", 1000, 1001),
        ("completed:1000..2000", 1000, after(2000.0)),
        ("completed:>1000", after(1000.0), None),
    ],
)
def test_moments(query, low, high):
    assert meaning(query) == Range("completed", low, high)


@pytest.mark.parametrize(
    ("query", "low", "high"),
    [
        ("elapsed:5", 5, 6),
        ("elapsed:2.5", 2.5, after(2.5)),
        ("elapsed:>=5", 5, None),
        ("elapsed:>5", after(5.0), None),
        ("elapsed:<5", None, 5),
        ("elapsed:<=5", None, after(5.0)),
        ("elapsed:1..2.5", 1, after(2.5)),
    ],
)
def test_durations(query, low, high):
    assert meaning(query) == Range("elapsed", low, high)


def test_the_start_of_a_job_has_its_own_range():
    assert meaning("started:today") == Range("started", TODAY, TODAY + DAY)


@pytest.mark.parametrize(
    ("zone", "day", "hours"),
    [
        ("Europe/Berlin", "2026-03-29", 23),
        ("Europe/Berlin", "2026-10-25", 25),
        ("Europe/Berlin", "2026-11-24", 24),
        # Here the clocks went from 23:59 to 01:00: the day had no midnight.
        ("America/Sao_Paulo", "2018-11-04", 23),
    ],
)
def test_a_day_is_a_local_one_however_many_hours_it_has(zone, day, hours):
    found = meaning(f"date:{day}", Clock(NOW, ZoneInfo(zone)))

    assert found.high - found.low == hours * 3600
    assert datetime.fromtimestamp(found.low, ZoneInfo(zone)).date().isoformat() == day
    assert datetime.fromtimestamp(found.low - 1, ZoneInfo(zone)).date().isoformat() < day


def test_today_is_the_day_that_it_is_in_the_zone():
    late = datetime(2026, 11, 24, 23, 30, tzinfo=UTC).timestamp()

    found = meaning("date:today", Clock(late, ZoneInfo("Asia/Tokyo")))

    assert (found.low, found.high) == (TODAY + 15 * 3600, TODAY + 39 * 3600)


def test_without_a_zone_days_are_those_of_the_machine(monkeypatch):
    monkeypatch.setenv("TZ", "America/New_York")
    time.tzset()
    try:
        found = meaning("date:2026-03-08", Clock(NOW))
    finally:
        monkeypatch.undo()
        time.tzset()

    start = datetime(2026, 3, 8, 5, tzinfo=UTC).timestamp()
    assert (found.low, found.high) == (start, start + 23 * 3600)


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        ('(tags = "flag")', FLAG),
        ('( tags=="flag" )', FLAG),
        ('(tags =~ "flag")', FLAG),
        ('(tags !~ "flag")', Not(FLAG)),
        ('(((tags = "flag")))', FLAG),
        ('(tags = "my-tag")', word("tags", "my", "tag")),
        (r'(tags = "fl\u0061g")', FLAG),
        ('(tags = ")(|&")', NOTHING),
        ("(code = 0)", word("code", "0")),
        ('(text = "quick fox")', Text(("quick", "fox"))),
        ('(date >= "today")', Range("completed", TODAY, None)),
        ('(date = "2026-11-24")', Range("completed", TODAY, TODAY + DAY)),
        ("(date < 1000)", Range("completed", None, 1000)),
        ("(elapsed > 5)", Range("elapsed", after(5.0), None)),
        ('(tags = "flag" && code = 0)', All((FLAG, word("code", "0")))),
        ('(tags = "flag"&code = 0)', All((FLAG, word("code", "0")))),
        ('(tags = "flag" || code = 0)', AnyOf((FLAG, word("code", "0")))),
        ('(tags = "flag" | code = 0)', AnyOf((FLAG, word("code", "0")))),
        (
            '(tags = "flag" && (code = 0 || code = 1))',
            All((FLAG, AnyOf((word("code", "0"), word("code", "1"))))),
        ),
    ],
)
def test_queries_in_parentheses(query, expected):
    assert meaning(query) == expected


@pytest.mark.parametrize(
    ("query", "text", "position"),
    [
        ("nosuch:x", "Index not found: nosuch", 1),
        ("code:1 nosuch:x", "Index not found: nosuch", 8),
        ("foo-bar:x", "Index not found: foo-bar", 1),
        ('tags:"open', "Unterminated quote", 6),
        ("date:2026-02-31", "Invalid date", 1),
        ("date:0000-01-01", "Invalid date", 1),
        ("date:99999-01-01", "Invalid date", 1),
        ("date:yesterday", "Invalid date", 1),
        ("date:nan", "Invalid date", 1),
        ("date:>=", "Invalid date", 1),
        ("elapsed:inf", "Invalid number", 1),
        ("elapsed:1e5", "Invalid number", 1),
        ("elapsed:today", "Invalid number", 1),
        ("elapsed:" + "9" * 400, "Invalid number", 1),
        ('(nosuch = "x")', "Index not found: nosuch", 2),
        ("(code = abort)", "Syntax error", 9),
        ("(code != 1)", "Syntax error", 7),
        ("(code = 1 & code = 2 | code = 3)", "Syntax error", 22),
        ("(code = 1) (code = 2)", "Syntax error", 12),
        ("(code = 1 &&)", "Syntax error", 13),
        ("(code < 1)", "Column has no order: code", 7),
        ('(code = "\n")', "Invalid string", 9),
        ("(" * 33 + "code = 1" + ")" * 33, "nests deeper than 32", 33),
        ("x" * 10_001, "longer than 10000 characters", 10_001),
    ],
)
def test_errors_say_what_is_wrong_and_where(query, text, position):
    with pytest.raises(BadRequest) as caught:
        parse(query, CLOCK)

    assert caught.value.code == "db"
    assert caught.value.description.startswith("Failed DB search: Error: ")
    assert text in caught.value.description
    assert f"at position {position})" in caught.value.description


@pytest.mark.parametrize("query", ["x " * 201, "|".join("x" * 201)])
def test_queries_of_too_many_terms_are_refused(query):
    with pytest.raises(BadRequest, match="More than 200"):
        parse(query, CLOCK)
    with pytest.raises(BadRequest, match="More than 200"):
        parse("(" + " & ".join(["code = 1"] * 201) + ")", CLOCK)


def test_parentheses_in_texts_neither_nest_nor_hide_nesting():
    assert meaning('(code = "%s1")' % ("(" * 50)) == word("code", "1")
    hiding = '(code = "{}" & {}code = 1{})'.format(")" * 1000, "(" * 900, "&code=1)" * 900)
    assert len(hiding) < 10_000
    with pytest.raises(BadRequest, match="nests deeper than 32"):
        parse(hiding, CLOCK)


@pytest.mark.parametrize(
    "query",
    [
        '"' * 9999,
        "date:2026" + "-" * 9000,
        '("' + '\\"' * 4900 + ")",
        "a:" * 5000,
        ": | " * 2400,
        "(" + " " * 9000 + ")",
        "(code = " + "1" * 9000 + ")",
        '(code = "' + "\\" * 9001 + ")",
    ],
)
def test_long_queries_take_no_long_time(query):
    started = time.perf_counter()
    with contextlib.suppress(BadRequest):
        parse(query, CLOCK)
    assert time.perf_counter() - started < 1


PIECES = st.sampled_from(
    [
        *'()|&:"\\-+*<>=~! \t\x00',
        "&&",
        "||",
        "..",
        "tags",
        "date",
        "elapsed",
        "code",
        "text",
        "now",
        "today",
        "2026-11-24",
        "9999-12-31",
        "0001-01-01",
        '"x"',
        "1",
        "1.5",
        "é",
        "\ud800",
        "٣",
    ]
)
QUERIES = st.one_of(st.text(max_size=60), st.lists(PIECES, max_size=25).map("".join))


@settings(max_examples=500, deadline=None)
@given(QUERIES, st.booleans())
def test_any_text_has_a_meaning_or_is_a_bad_request(text, in_parentheses):
    try:
        found = parse(f"({text})" if in_parentheses else text, CLOCK)
    except BadRequest:
        return
    assert depth(found) <= 34


def depth(node):
    inner = getattr(node, "items", None) or [getattr(node, "item", None)]
    return 1 + max((depth(item) for item in inner if item is not None), default=0)
