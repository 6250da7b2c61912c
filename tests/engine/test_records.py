"""Reading a run's records: batches, segments, what can't be read, what is shown."""

import json
import time

import pytest

from engine import records


def message(**values):
    return b"M " + json.dumps({"xy": 1} | values).encode() + b"\n"


def write(folder, segment, *parts):
    with (folder / f"messages.{segment}").open("ab") as file:
        file.write(b"".join(parts))


def test_a_run_without_records_gives_an_empty_batch(tmp_path):
    batch = records.read(tmp_path, 0, 0)
    assert (batch.messages, batch.notes, batch.start, batch.more) == ([], [], (0, 0), False)


def test_messages_and_notes_are_told_apart(tmp_path):
    note = b'N {"at":12.5,"msg":"noted"}\n'
    write(tmp_path, 0, message(a=1), note, message(a=2))
    batch = records.read(tmp_path, 0, 0)
    assert [one["a"] for one in batch.messages] == [1, 2]
    (entry,) = batch.notes
    assert (entry["epoch"], entry["msg"]) == (12.5, "noted")


def test_reading_goes_on_where_it_ended(tmp_path):
    write(tmp_path, 0, message(a=1))
    first = records.read(tmp_path, 0, 0)
    write(tmp_path, 0, message(a=2))
    second = records.read(tmp_path, first.segment, first.offset)
    assert [one["a"] for one in second.messages] == [2]
    assert second.start == (0, first.offset)


def test_half_a_record_waits_for_its_rest(tmp_path):
    whole = message(a=1)
    write(tmp_path, 0, whole[:7])
    batch = records.read(tmp_path, 0, 0)
    assert (batch.messages, batch.offset) == ([], 0)
    write(tmp_path, 0, whole[7:])
    assert len(records.read(tmp_path, 0, 0).messages) == 1


def test_segments_follow_each_other_and_read_ones_are_named(tmp_path):
    for segment in range(3):
        write(tmp_path, segment, message(a=segment))
    batch = records.read(tmp_path, 0, 0)
    assert [one["a"] for one in batch.messages] == [0, 1, 2]
    assert batch.segment == 2
    assert [path.name for path in batch.consumed] == ["messages.0", "messages.1"]


def test_a_batch_is_bounded_and_says_that_there_is_more(tmp_path):
    write(tmp_path, 0, *[message(body="x" * 1000, number=number) for number in range(5000)])
    seen, segment, offset, rounds = [], 0, 0, 0
    more = True
    while more:
        batch = records.read(tmp_path, segment, offset)
        segment, offset, more = batch.segment, batch.offset, batch.more
        seen += [one["number"] for one in batch.messages]
        rounds += 1
    assert seen == list(range(5000))
    assert rounds >= 2


def test_a_record_longer_than_a_batch_is_taken_whole(tmp_path):
    write(tmp_path, 0, message(a=1), message(body="x" * 5_000_000), message(a=2))
    seen, batch = [], records.read(tmp_path, 0, 0)
    seen += batch.messages
    while batch.more:
        batch = records.read(tmp_path, batch.segment, batch.offset)
        seen += batch.messages
    assert [len(one.get("body", "")) for one in seen] == [0, 5_000_000, 0]


@pytest.mark.parametrize(
    "text",
    [b'{"xy":1,"n":1e999}', b'{"xy":1,"n":' + b"7" * 400 + b"}", b"{" * 500, b'{"xy":1,"n":NaN}'],
)
def test_what_can_not_be_parsed_is_a_warning_and_reading_goes_on(tmp_path, text):
    write(tmp_path, 0, b"M " + text + b"\n", message(a=1))
    batch = records.read(tmp_path, 0, 0)
    assert [one.get("a") for one in batch.messages] == [1]
    (warning,) = batch.warnings
    assert warning.startswith("WARNING: Error: JSON Parse Error: ")


def test_content_becomes_html_and_only_the_last_is_rendered(tmp_path):
    write(tmp_path, 0, *[message(markdown={"content": f"# {n}"}) for n in range(3)])
    batch = records.read(tmp_path, 0, 0)
    assert "<h1>2</h1>" in batch.messages[-1]["html"]["content"]
    assert all("markdown" not in one for one in batch.messages)
    assert all("html" not in one for one in batch.messages[:-1])


def test_content_after_the_end_does_not_hide_what_came_before(tmp_path):
    write(tmp_path, 0, message(text="shown"), message(code=0), message(text="late"))
    batch = records.read(tmp_path, 0, 0)
    assert batch.messages[0]["html"]["content"] == "<pre>shown</pre>"


@pytest.mark.parametrize(
    ("kind", "content"),
    [
        ("html", "<div>" * 200_000),
        ("html", "<b><i>" * 150_000),
        ("html", "<p><div>" * 100_000),
        ("html", "<svg><a>" * 100_000),
        ("html", "</" * 500_000),
        ("html", "<table>" * 100_000),
        ("html", "<li>" * 250_000),
        ("html", "<td><tr>" * 120_000),
        ("html", "<!--" * 250_000),
        ("html", "&" * 1_000_000),
        ("html", "<a " * 300_000),
        ("html", '<a href="x" ' + 'a="' * 300_000),
        ("markdown", "![" * 500_000),
        ("markdown", "&" * 1_000_000),
        ("markdown", "[a](" * 250_000),
        ("markdown", "<div>\n" * 150_000),
        ("markdown", "`" * 1_000_000),
        ("markdown", "* " * 500_000),
        ("markdown", "a\n" * 500_000),
    ],
    ids=lambda value: value[:8] if value not in ("html", "markdown") else value,
)
def test_no_content_takes_long(tmp_path, kind, content):
    write(tmp_path, 0, message(**{kind: {"content": content}}))
    began = time.monotonic()
    batch = records.read(tmp_path, 0, 0)
    assert time.monotonic() - began < 4
    assert isinstance(batch.messages[0]["html"]["content"], str)
