"""Output: what becomes log text, a message, a note, and that none of it is lost."""

import json
import re
import sys
import time

import pytest

PROGRESS = '{"xy":1,"progress":0.5}'
MIB = 1024 * 1024


def python(code):
    """The argument list of a Python program."""
    return [sys.executable, "-c", code]


def write(data):
    """The argument list of a program that writes these bytes to its stdout."""
    return python(f"import os; os.write(1, {data!r})")


def test_text_is_logged_byte_for_byte(client):
    data = b"plain\r\n\x00\xff\xfe invalid \xc3\n\n  spaces  \nno newline \xf0\x9f"
    assert client.run(argv=write(data)).log == data


def test_messages_are_kept_as_written_and_not_logged(client):
    lines = [PROGRESS, '  {"xy": 1, "data": {"ü": "\\u00fc"}}\t', '{"xy":true,"code":0}']
    run = client.run("cat", stdin="".join(f"{line}\n" for line in lines))
    assert [text.decode() for _, text in run.records] == [line.strip() for line in lines]
    assert run.log == b""


@pytest.mark.parametrize(
    "line",
    [
        '{"a": 1}',
        '{"xy":0,"progress":1}',
        '{"xy":null}',
        '{"xy":"","b":[1,  2]}',
        "{}",
        "  [1,2]",
        '{"xy":1} trailing',
        'leading {"xy":1}',
    ],
)
def test_json_that_is_no_message_is_logged_as_written(client, line):
    run = client.run("cat", stdin=f"{line}\n")
    assert run.log.decode() == f"{line}\n"
    assert run.records == []


def test_job_that_echoes_its_input_changes_nothing(client):
    stdin = '{"xy":1,"type":"event","code":5}\n{"xy":1,"state":"active"}\n'
    run = client.run("cat; echo end", stdin=stdin)
    assert (run.log, run.records) == (b"end\n", [])


@pytest.mark.parametrize(
    ("line", "reason"),
    [
        (b'{"xy":1,}', "Expecting property name enclosed in double quotes at character 8"),
        (b'{"xy":1,"progress":NaN}', "NaN is not JSON"),
        (b'{"xy":1,"progress":-Infinity}', "-Infinity is not JSON"),
        (b'{"xy":' + b"[" * 100_000 + b"]" * 100_000 + b"}", "nested too deeply"),
        (b'{"xy":1,"n":' + b"9" * 5000 + b"}", "a number has too many digits"),
        (b'{"xy":1,"s":"\x01"}', "Invalid control character at character 13"),
    ],
)
def test_malformed_json_is_logged_and_noted(client, tmp_path, line, reason):
    source = tmp_path / "source"
    source.write_bytes(line + b"\n" + PROGRESS.encode() + b"\n")
    run = client.run(argv=["cat", str(source)])
    assert run.log == line + b"\n"
    assert run.notes == [f"WARNING: Error: JSON Parse Error: {reason}"]
    assert run.messages == [json.loads(PROGRESS)]


def test_notes_about_malformed_json_are_limited(client):
    run = client.run("for i in $(seq 300); do echo '{bad}'; done")
    assert run.log == b"{bad}\n" * 300
    assert len(run.notes) == 101
    assert run.notes[-1] == "WARNING: Further JSON parse errors of this job are not noted."


def test_invalid_utf8_inside_a_message_is_replaced(client):
    run = client.run(argv=write(b'{"xy":1,"status":"a\xffb"}\n'))
    assert run.messages == [{"xy": 1, "status": "a\ufffdb"}]
    assert run.notes == []


@pytest.mark.parametrize("tail", [PROGRESS, "text", '{"xy":1,"half', "  ", "50%"])
def test_last_line_without_newline_counts_as_it_stands(client, tail):
    run = client.run(argv=write(b"first\n" + tail.encode()))
    if tail == PROGRESS:
        assert (run.log, run.messages) == (b"first\n", [json.loads(PROGRESS)])
    else:
        assert (run.log, run.records) == (b"first\n" + tail.encode(), [])


def test_message_in_pieces_is_put_together(client):
    run = client.run(
        argv=python(
            "import os, time\n"
            f"for byte in {PROGRESS!r} + '\\n':\n"
            "    os.write(1, byte.encode()); time.sleep(0.005)\n"
        )
    )
    assert (run.log, run.messages) == (b"", [json.loads(PROGRESS)])


def test_text_without_newline_is_logged_at_once(client):
    run = client.launch("printf 'password: '; sleep 0.3", argv=["sh"])
    event = client.expect("output", run)
    assert event["log"] == 10
    client.end_of(run)


def test_line_of_100_mb_without_newline_is_logged_whole(client, launcher):
    began = launcher.memory_kib()
    run = client.run("head -c 100000000 /dev/zero | tr '\\0' x; echo; echo after")
    assert (run.path / "log").stat().st_size == 100_000_007
    assert run.log.endswith(b"x\nafter\n")
    assert launcher.memory_kib() < began + 8 * 1024


def test_too_long_json_line_is_logged_as_text_and_noted(client):
    size = 40 * MIB
    run = client.run(f"printf '{{'; head -c {size} /dev/zero | tr '\\0' x; echo '}}'; echo after")
    assert len(run.log) == size + 3 + len("after\n")
    assert run.notes == ["JSON line is longer than 32 MiB and was logged as text."]


def test_long_message_is_one_record(client):
    size = 20 * MIB
    code = f'print(\'{{"xy":1,"data":{{"x":"%s"}}}}\' % (\'x\' * {size}))'
    run = client.run(argv=python(code))
    assert len(run.messages[0]["data"]["x"]) == size


def test_message_segments_rotate_between_records(client):
    count = 3000
    run = client.run(
        argv=python(
            'for i in range(3000): print(\'{"xy":1,"n":%d,"pad":"%s"}\' % (i, \'x\' * 4096))'
        )
    )
    segments = sorted(run.path.glob("messages.*"))
    assert [path.name for path in segments] == ["messages.0", "messages.1", "messages.2"]
    assert all(4 * MIB < path.stat().st_size < 5 * MIB for path in segments[:-1])
    assert [message["n"] for message in run.messages] == list(range(count))
    assert run.exit["messages"] == [2, segments[-1].stat().st_size]


def test_stderr_is_logged_raw_and_its_head_kept_apart(client):
    run = client.run("echo '{\"xy\":1}' >&2; head -c 100000 /dev/zero | tr '\\0' e >&2")
    assert run.log == b'{"xy":1}\n' + b"e" * 100_000
    assert (run.path / "stderr").read_bytes() == run.log[: 32 * 1024]
    assert run.records == []


def test_stdout_precedes_stderr_of_the_same_instant(client):
    script = "for i in 1 2 3 4 5; do echo error >&2; sleep 0.01; echo text; sleep 0.1; done"
    assert client.run(script).log == b"text\nerror\n" * 5


def test_much_stderr_is_not_slowed_down(client):
    began = time.monotonic()
    run = client.run("head -c 20000000 /dev/zero >&2")
    assert len(run.log) == 20_000_000
    # With the delay for every pipeful it would take fifteen seconds.
    assert time.monotonic() - began < 8


def test_shell_percentages_become_progress(client):
    lines = b"0%\n 7 %\n  42%  \n100%\n250%\n00012%\n5.5%\n%\n"
    run = client.run(argv=write(lines), shell=True)
    assert run.log == b" 7 %\n5.5%\n%\n"
    progress = [message["progress"] for message in run.messages]
    assert progress == [0, 0.42, 1, 1, 0.12]
    assert all(message["xy"] == 1 for message in run.messages)


def test_percentages_of_other_plugins_are_text(client):
    run = client.run("echo 50%")
    assert (run.log, run.records) == (b"50%\n", [])


def test_shell_percentage_in_pieces_is_put_together(client):
    run = client.run("printf 5; sleep 0.1; printf 0; sleep 0.1; echo %", shell=True)
    assert (run.log, run.messages) == (b"", [{"xy": 1, "progress": 0.5}])


def test_annotated_lines_bear_the_time(client):
    script = "echo one; printf t; sleep 0.1; echo wo; cat; printf last"
    run = client.run(script, shell=True, annotate=True, stdin=f'{PROGRESS}\n{{"a":1}}\n')
    stamp = rb"\[\d{4}/\d\d/\d\d \d\d:\d\d:\d\d\] "
    pattern = rb'%bone\n%btwo\n\{"a":1\}\n%blast' % (stamp, stamp, stamp)
    assert re.fullmatch(pattern, run.log), run.log
    assert len(run.messages) == 1


def test_annotated_stderr_is_left_as_it_is(client):
    assert client.run("echo oops >&2", shell=True, annotate=True).log == b"oops\n"


def test_growth_is_announced_but_not_too_often(client):
    run = client.launch("for i in $(seq 100); do echo $i; sleep 0.005; done; sleep 0.1")
    client.expect("exited", run)
    sizes = [frame["log"] for frame in client.frames if frame["op"] == "output"]
    assert sizes == sorted(set(sizes))
    assert sizes[-1] == len(run.log)
    assert 5 < len(sizes) < 70


def test_fast_writer_does_not_starve_others(client):
    flood = client.launch("exec yes")
    client.expect("output", flood)
    began = time.monotonic()
    for _ in range(5):
        client.run("echo quick")
    assert time.monotonic() - began < 3
    client.abort(flood)
    client.end_of(flood)
