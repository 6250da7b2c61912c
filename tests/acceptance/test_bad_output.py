"""Plugins that print what nobody should print: nothing is lost, nothing hangs, nothing breaks."""

import hashlib

import pytest

from tests.acceptance.scripts import python, saying
from tests.server import messages

MIB = 1024 * 1024


def warnings_of(job):
    return [text for text in messages(job) if text.startswith("WARNING")]


def test_bytes_that_are_no_utf8_are_kept_as_they_are(server):
    raw = b"caf\xe9 \xff\xfe\x00 \xc3\xa9\n\x80{\xff}\n"
    script = python(f"import sys\nsys.stdout.buffer.write({raw!r})")
    job = server.run_and_wait(script)
    assert server.log(job["id"]) == raw
    assert job["output"] == raw.decode("utf-8", "replace")
    assert server.call("get_jobs", ids=[job["id"]])["jobs"][0]["output"] == job["output"]


def test_a_message_with_invalid_utf8_counts_with_replacement_characters(server):
    line = b'{"xy":1,"label":"a\xffb","data":{"\xfe":"\xed\xa0\x80"}}\n'
    job = server.run_and_wait(python(f"import sys\nsys.stdout.buffer.write({line!r})"))
    assert job["label"] == "a\ufffdb"
    assert list(job["data"]) == ["\ufffd"]


def test_a_line_of_100_mb_is_logged_whole(server):
    script = python(
        "import sys\nblock = b'0123456789abcdef' * 65536\n"
        "for _ in range(100): sys.stdout.buffer.write(block)\n"
        "sys.stdout.buffer.write(b'\\nafter\\n')"
    )
    job = server.run_and_wait(script)
    assert (job["code"], job["log_file_size"]) == (0, 100 * MIB + 7)
    assert "output" not in job
    digest = hashlib.sha256()
    with server.client.stream(
        *("GET", "/api/app/get_job_log/v1"),
        params={"id": job["id"]},
        headers={"Accept-Encoding": "identity"},
    ) as response:
        for chunk in response.iter_bytes():
            digest.update(chunk)
    expected = hashlib.sha256()
    for _ in range(100):
        expected.update(b"0123456789abcdef" * 65536)
    expected.update(b"\nafter\n")
    assert digest.hexdigest() == expected.hexdigest()
    server.call("delete_job", id=job["id"])


def test_a_json_line_of_40_mb_is_text(server):
    script = python(
        "import sys\nsys.stdout.write('{\"xy\":1,\"label\":\"' + 'x' * (40 << 20) + '\"}\\n')"
    )
    job = server.run_and_wait(script)
    assert (job["code"], job["log_file_size"]) == (0, 40 * MIB + 20)
    assert "JSON line is longer than 32 MiB and was logged as text." in messages(job)
    assert "label" not in job
    server.call("delete_job", id=job["id"])


def test_a_message_of_20_mb_counts(server):
    script = python(
        "import sys, json\nprint(json.dumps({'xy': 1, 'data': {'text': 'x' * (20 << 20)}}))\n"
        "print(json.dumps({'xy': 1, 'label': 'after'}))"
    )
    job = server.run_and_wait(script)
    assert len(job["data"]["text"]) == 20 * MIB
    assert job["label"] == "after"
    server.call("delete_job", id=job["id"])


@pytest.mark.parametrize("line", ['{"xy":1,"progress":0.5', '{"xy":1,}', "{'xy': 1}", "{x}"])
def test_half_a_json_line_is_logged(server, line):
    job = server.run_and_wait(saying(line, "next"))
    assert (job["code"], job["output"]) == (0, f"{line}\nnext\n")
    expected = 1 if line.endswith("}") else 0
    assert len(warnings_of(job)) == expected
    assert all(text.startswith("WARNING: Error: JSON Parse Error: ") for text in warnings_of(job))


@pytest.mark.parametrize(
    ("last", "output", "code"),
    [
        ("text", "text", 0),
        ('{"xy":1,"code":7,"description":"d"}', "d\n", 7),
        ('{"xy":1,"code":7,"desc', '{"xy":1,"code":7,"desc', 0),
        ('{"no":"xy"}', '{"no":"xy"}', 0),
    ],
)
def test_a_last_line_without_newline_counts(server, last, output, code):
    job = server.run_and_wait(f"#!/bin/sh\nprintf %s '{last}'\n")
    assert (job["output"], job["code"]) == (output, code)


def test_a_job_that_never_reads_its_stdin_ends_with_10_mb_of_input(server):
    event = server.event("#!/bin/sh\nsleep 0.2\necho done\n")
    data = {"big": "x" * (10 * MIB)}
    job = server.run_and_wait(id=event, input={"data": data})
    assert (job["code"], job["output"]) == (0, "done\n")
    assert job["input"]["data"] == data
    server.call("delete_job", id=job["id"])


def test_10_mb_of_input_reach_a_job_that_reads(server):
    script = python("import json, sys\nprint(len(json.load(sys.stdin)['input']['data']['big']))")
    job = server.run_and_wait(script, input={"data": {"big": "x" * (10 * MIB)}})
    assert job["output"] == f"{10 * MIB}\n"


@pytest.mark.parametrize(
    "line",
    [
        '{"xy":1,"progress":NaN}',
        '{"xy":1,"progress":-Infinity}',
        '{"xy":1,"data":{"n":' + "7" * 5000 + "}}",
        '{"xy":1,"data":' + "[" * 100_000 + "]" * 100_000 + "}",
        '{"xy":1,"data":' + '{"a":' * 1000 + "1" + "}" * 1000 + "}",
        '{"xy":1,"data":{"n":1e999}}',
        '{"xy":1,"data":{"n":' + "7" * 400 + "}}",
    ],
    ids=["nan", "infinity", "5000 digits", "100000 brackets", "1000 deep", "1e999", "400 digits"],
)
def test_json_that_nobody_could_store_is_refused_with_a_note(server, line):
    job = server.run_and_wait(saying("before", line, {"label": "after"}))
    assert (job["code"], job["label"]) == (0, "after")
    (warning,) = [text for text in warnings_of(job) if "JSON Parse Error: " in text]
    assert warning.startswith("WARNING: Error: ")
    assert len(warning) < 300
    assert "data" not in job


def test_malformed_lines_are_all_logged_and_the_notes_are_bounded(server):
    job = server.run_and_wait('#!/bin/sh\nfor i in $(seq 5000); do echo "{bad $i}"; done\n')
    assert job["output"] == "".join(f"{{bad {i}}}\n" for i in range(1, 5001))
    assert len(warnings_of(job)) == 101


def test_lone_surrogates_are_replaced(server):
    line = (
        r'{"xy":1,"label":"\ud800x","data":{"\udfff":"\ud83d\ude00"},'
        r'"html":{"content":"\udc00"}}'
    )
    job = server.run_and_wait(saying(line))
    assert job["label"] == "\ufffdx"
    assert job["data"] == {"\ufffd": "😀"}
    assert "\ufffd" in job["html"]["content"]


def test_null_bytes_in_messages_and_logs_do_no_harm(server):
    raw = b'a\0b\n{"xy":1,"label":"\\u0000x"}\n'
    script = python(f"import sys\nsys.stdout.buffer.write({raw!r})")
    job = server.run_and_wait(script)
    assert (server.log(job["id"]), job["label"]) == (b"a\0b\n", "\0x")


def test_10000_messages_at_once_are_all_applied(server):
    script = python(
        "import json\nfor i in range(10000): print(json.dumps({'xy': 1, 'data': {'n': [i]}}))"
    )
    assert server.run_and_wait(script)["data"]["n"] == list(range(10000))


@pytest.mark.parametrize(
    ("kind", "content"),
    [
        ("html", "<div>" * 50_000),
        ("html", "<" * 500_000),
        ("markdown", ">" * 50_000),
        ("markdown", "[" * 50_000),
        ("markdown", "*a" * 50_000),
        ("markdown", "- " * 20_000),
        ("markdown", "|a" * 20_000 + "\n" + "|-" * 20_000 + "\n" + "x\n" * 2000),
        ("text", "<" * 3 * MIB),
    ],
    ids=["divs", "lts", "quotes", "brackets", "stars", "lists", "table", "long text"],
)
def test_content_that_is_hard_to_render_stops_nobody(server, kind, content):
    script = python(
        f"import json\nc = {content[:2]!r}\nprint(json.dumps({{'xy': 1, {kind!r}: {{'content': "
        f"{_expression(content)}}}, 'label': 'done'}}))"
    )
    job = server.run_and_wait(script)
    assert (job["code"], job["label"]) == (0, "done")
    assert server.run_and_wait("#!/bin/sh\ntrue\n")["elapsed"] < 10


def _expression(content):
    """The content as a short expression of Python: scripts have a size."""
    if "\n" in content:
        return "'|a' * 20000 + chr(10) + '|-' * 20000 + chr(10) + ('x' + chr(10)) * 2000"
    unit = next(
        content[:size] for size in range(1, 8) if content[:size] * (len(content) // size) == content
    )
    return f"{unit!r} * {len(content) // len(unit)}"


def test_output_that_never_stops_does_not_keep_others_waiting(server):
    job_id = server.run("#!/bin/sh\nexec yes 'a line of output that repeats'\n")
    server.wait(job_id, lambda job: job["log_file_size"] > MIB)
    assert server.run_and_wait("#!/bin/sh\ntrue\n")["elapsed"] < 5
    server.call("abort_job", id=job_id)
    assert server.wait(job_id)["code"] == "abort"
    server.call("delete_job", id=job_id)


def test_a_background_process_that_holds_stdout_keeps_the_job_active(server):
    job_id = server.run("#!/bin/sh\n(sleep 1; echo late) &\necho early\n")
    server.wait_for_log(job_id, "early")
    assert server.job(job_id)["state"] == "active"
    assert server.wait(job_id)["output"] == "early\nlate\n"


def test_a_job_that_deletes_its_own_folder_ends_with_its_code(server):
    script = (
        '#!/bin/sh\nrm -rf "$PWD" "$(dirname "$PWD")"\n'
        "for i in 1 2 3; do echo b; echo 50%; done\nexit 3\n"
    )
    job = server.run_and_wait(script)
    assert (job["code"], job["description"]) == (3, "Script exited with code: 3")


def test_an_endless_list_of_small_data_stops_nobody(server):
    script = '#!/bin/sh\nyes \'{"xy":1,"data":{"a":[1]}}\' | head -n 100000\n'
    job = server.run_and_wait(script)
    assert job["code"] == 0
    assert len(job["data"]["a"]) == 100_000


def test_more_variables_than_the_kernel_takes_are_left_out(server):
    params = {f"k{number}": "v" * 20 for number in range(50_000)}
    job = server.run_and_wait("#!/bin/sh\necho $k1\n", params=params)
    assert job["output"] == "v" * 20 + "\n"
    assert any("more variables do not fit" in text for text in messages(job))
