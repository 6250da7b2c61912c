"""Every row of the tables of messages, from the bytes that a plugin prints to what they change.

Without processes: the launcher sorts the bytes into files, the engine reads and applies those.
"""

import json
import re
from dataclasses import dataclass

import pytest

from engine import messages, records
from launcher.collector import Collector
from services.codes import normal_code
from tests.docs import pages

TABLE = {"title": "T", "header": ["A"], "rows": [["1"]], "caption": "c"}
PAGE = {"title": "T", "content": "<b>x</b>", "caption": "c"}
ACTION = {"type": "tag", "condition": "complete", "enabled": True, "tags": ["a"]}
LIMIT = {"type": "time", "enabled": True, "duration": 5}


@dataclass
class Told:
    """What came of what a plugin printed."""

    results: dict
    live: dict
    pushed: dict
    log: bytes
    #: What the activity log says of it.
    warnings: list


@pytest.fixture
def tell(tmp_path):
    """Print lines, as bytes, text or messages; what comes of them."""

    def tell(*lines, end=b"\n"):
        collector = Collector(str(tmp_path), shell=False, annotate=False)
        collector.stdout(b"\n".join(map(line_of, lines)) + end)
        collector.end_of_stdout()
        collector.close()
        batch = records.read(tmp_path, 0, 0, lambda: {"id": "j1"})
        effect = messages.apply(batch.messages, {})
        noted = [note["msg"] for note in batch.notes]
        warnings = [*noted, *batch.warnings, *effect.warnings]
        log = (tmp_path / "log").read_bytes()
        return Told(effect.results, effect.live, effect.pushed, log, warnings)

    return tell


def line_of(line):
    if isinstance(line, bytes):
        return line
    return (line if isinstance(line, str) else json.dumps({"xy": 1} | line)).encode()


#: By the documented key: messages, and what they change: results, live keys, pushed items.
ROWS = {
    "progress": ([{"progress": 0.5}], {}, {"progress": 0.5}, {}),
    "status": ([{"status": "s"}], {}, {"status": "s"}, {}),
    "code": ([{"code": 3}, {"code": 0, "label": "late"}], {"complete": True, "code": 3}, {}, {}),
    "description": (
        [{"code": 1, "description": 7}],
        {"complete": True, "code": 1, "description": "7"},
        {},
        {},
    ),
    "complete": ([{"complete": 1}], {"complete": True, "code": 0}, {}, {}),
    "data": (
        [{"data": {"a": 1, "list": [1]}}, {"data": {"a": 2, "list": [2], "deep": {"x": 1}}}],
        {"data": {"a": 2, "list": [1, 2], "deep": {"x": 1}}},
        {},
        {},
    ),
    "files": ([{"files": ["a"]}, {"files": ["b"]}], {"files": ["b"]}, {}, {}),
    "perf": ([{"perf": {"db": 1.5}}], {"perf": {"db": 1.5}}, {}, {}),
    "label": ([{"label": "l"}], {"label": "l"}, {}, {}),
    "table": ([{"table": TABLE}], {"table": TABLE}, {}, {}),
    "markdown": (
        [{"markdown": PAGE | {"content": "**x** {{ id }} {{ gone }}"}, "text": "t", "html": "h"}],
        {
            "html": PAGE
            | {"content": '<div class="markdown-body"><p><strong>x</strong> j1 n/a</p>\n</div>'}
        },
        {},
        {},
    ),
    "text": (
        [{"text": PAGE | {"content": "a < b"}, "html": "h"}],
        {"html": PAGE | {"content": "<pre>a &lt; b</pre>"}},
        {},
        {},
    ),
    "html": ([{"html": PAGE}], {"html": PAGE}, {}, {}),
    "serverData": ([{"serverData": {"a": 1}}], {"serverData": {"a": 1}}, {}, {}),
    "workflowData": ([{"workflowData": {"a": 1}}], {"workflowData": {"a": 1}}, {}, {}),
    "update_event": ([{"update_event": {"notes": "n"}}], {"update_event": {"notes": "n"}}, {}, {}),
    "delete_event": ([{"delete_event": True}], {"delete_event": True}, {}, {}),
    "clear_alert": ([{"clear_alert": "a1"}], {"clear_alert": "a1"}, {}, {}),
    "push": (
        [
            {"files": ["a"], "push": {"files": ["b"], "tags": ["x"]}},
            {"push": {"files": ["c"], "tags": ["y"], "actions": [ACTION], "limits": [LIMIT]}},
        ],
        {"files": ["a", "b", "c"]},
        {},
        {"tags": ["x", "y"], "actions": [ACTION], "limits": [LIMIT]},
    ),
    "anything else": ([{"own": [None, True]}], {"own": [None, True]}, {}, {}),
    "tags, actions, limits": (
        [{"tags": ["x"], "actions": [ACTION], "limits": [LIMIT], "id": "j2"}],
        {},
        {},
        {},
    ),
}


@pytest.mark.parametrize("row", ROWS)
def test_what_a_message_changes(tell, row):
    said, results, live, pushed = ROWS[row]
    told = tell(*said)
    told.live.pop("redraw", None)
    assert (told.results, told.live, told.pushed) == (results, live, pushed)
    assert (told.log, told.warnings) == (b"", [])


def test_the_rows_are_those_of_the_page():
    section = pages.section(pages.read("docs/plugins.md"), "## What a job says")
    first_cells = re.findall(r"^\| (.+?) \|", section, re.MULTILINE)[2:]
    documented = {name for cell in first_cells for name in cell.replace("`", "").split(", ")}
    # Without effect, as docs/limitations.md says, or ignored.
    assert documented == ROWS.keys() - {"workflowData", "clear_alert", "tags, actions, limits"}


#: What is printed, and what of it is logged, and noted.
LINES = {
    "text": ("  spaced \ttext", b"  spaced \ttext\n", ""),
    "a message with spaces around it": (' {"xy":1,"own":1} ', b"", ""),
    "xy is false": ('{"xy":0, "own":1}', b'{"xy":0, "own":1}\n', ""),
    "no xy": ('{ "a" :  1 }', b'{ "a" :  1 }\n', ""),
    "a list": ("[1, 2]", b"[1, 2]\n", ""),
    "an echo of the job": ('{"xy":1,"type":"event","own":1}', b"", ""),
    "a state": ('{"xy":1,"state":"active","own":1}', b"", ""),
    "no type": ('{"xy":1,"type":"","own":1}', b"", ""),
    "no JSON": ("{x}", b"{x}\n", "WARNING: Error: JSON Parse Error: "),
    "not a number": ('{"xy":NaN}', b'{"xy":NaN}\n', "WARNING: Error: JSON Parse Error: "),
    "half a message": ('{"xy":1,"own"', b'{"xy":1,"own"\n', ""),
    "no object": ({"data": 5}, b"", "WARNING: Invalid syntax: Not an object: data"),
    "push of text": ({"push": "x"}, b"", "WARNING: Invalid push syntax: Not an object."),
    "push of a bad key": ({"push": {"a b": [1]}}, b"", "WARNING: Invalid key in push object."),
    "push of no list": ({"push": {"tags": "x"}}, b"", "WARNING: Property is not an array: tags"),
}


@pytest.mark.parametrize("name", LINES)
@pytest.mark.parametrize("end", [b"\n", b""], ids=["line", "last line"])
def test_what_is_logged_and_noted(tell, name, end):
    line, log, note = LINES[name]
    told = tell(line, end=end)
    assert told.log == (log if end else log.removesuffix(b"\n"))
    assert [text[: len(note)] for text in told.warnings] == ([note] if note else [])
    is_kept = name in ("a message with spaces around it", "no type")
    assert told.results.get("own") == (1 if is_kept else None)


def test_invalid_utf8_is_kept_in_the_log_and_replaced_in_messages(tell):
    told = tell(b"caf\xe9", b'{"xy":1,"label":"caf\xe9"}')
    assert (told.log, told.results) == (b"caf\xe9\n", {"label": "caf\ufffd"})


@pytest.mark.parametrize(
    ("message", "code"),
    [
        ({"complete": True}, 0),
        ({"complete": 1, "code": 5}, 5),
        ({"code": 0}, 0),
        ({"code": None}, 0),
        ({"code": False}, 0),
        ({"code": "warning"}, "warning"),
        ({"code": "Odd Code!"}, "odd_code_"),
        ({"code": "404"}, "404"),
        ({"code": 1.5}, 1.5),
        ({"code": True}, "unknown"),
        ({"code": [1]}, "unknown"),
    ],
)
def test_what_ends_a_job_and_with_which_code(tell, message, code):
    told = tell(message, {"code": 9, "label": "late", "data": {"a": 1}}, "text")
    assert told.results["complete"] is True
    found = normal_code(told.results["code"])
    assert (found, type(found)) == (code, type(code))
    assert told.results.keys() == {"complete", "code"}
    assert told.log == b"text\n"
