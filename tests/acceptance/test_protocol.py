"""What plugins say on stdout, and what becomes of it in the job's record."""

import json
import time
from pathlib import Path

import pytest

from tests.acceptance.scripts import saying
from tests.server import messages


def said(server, *lines, then="", **wishes):
    """The record of a job that printed these messages."""
    return server.run_and_wait(saying(*lines, then=then), **wishes)


def test_progress_and_status_are_live_and_gone_at_the_end(server):
    script = saying({"progress": 0.25, "status": "working"}, then="read line < go; echo done")
    script = script.replace("#!/bin/sh\n", "#!/bin/sh\nmkfifo go\n")
    job_id = server.run(script)
    job = server.wait(job_id, lambda job: job.get("status"))
    assert (job["progress"], job["status"], job["state"]) == (0.25, "working", "active")
    server.call("abort_job", id=job_id)
    job = server.wait(job_id)
    assert job["progress"] == 1
    assert "status" not in job


def test_data_of_several_messages_is_merged_and_lists_grow(server):
    job = said(
        server,
        {"data": {"a": 1, "list": [1], "deep": {"x": 1}}},
        {"data": {"b": 2, "list": [2, 3], "deep": {"y": 2}}},
    )
    assert job["data"] == {"a": 1, "b": 2, "list": [1, 2, 3], "deep": {"y": 2}}


def test_table_html_perf_label_and_custom_keys_are_kept(server):
    table = {"title": "T", "header": ["A", "B"], "rows": [["1", "2"]], "caption": "cap"}
    job = said(
        server,
        {"table": table},
        {"html": {"title": "H", "content": "<b>bold</b><script>x</script>", "caption": ""}},
        {"perf": {"db": 1.5}, "label": "live label", "icon": "star"},
        {"own_key": {"a": [None, True]}},
    )
    assert job["table"] == table
    assert job["html"] == {"title": "H", "content": "<b>bold</b>", "caption": ""}
    assert (job["perf"], job["label"], job["icon"]) == ({"db": 1.5}, "live label", "star")
    assert job["own_key"] == {"a": [None, True]}


def test_text_becomes_preformatted_html(server):
    job = said(server, {"text": {"title": "T", "content": "a < b & c"}})
    assert job["html"]["title"] == "T"
    assert job["html"]["content"] == "<pre>a &lt; b &amp; c</pre>"


def test_macros_in_markdown_see_what_was_reported_before(server):
    markdown = json.dumps({"xy": 1, "markdown": "**OPEN data.who }}** OPEN id }} OPEN gone }}"})
    # The opening braces come last: the script's own macros are replaced as the job is launched.
    then = f"until [ -e go ]; do sleep 0.05; done\necho '{markdown}' | sed 's/OPEN/{{{{/g'"
    job_id = server.run(saying({"data": {"who": "Ann"}}, then=then))
    job = server.wait(job_id, lambda job: job.get("data"))
    (Path(job["cwd"]) / "go").touch()
    content = server.wait(job_id)["html"]["content"]
    assert f"<strong>Ann</strong> {job_id} n/a" in content


def test_markdown_becomes_html_and_wins(server):
    markdown = {"title": "M", "content": "# Head\n\n| a | b |\n|---|---|\n| 1 | 2 |\n"}
    job = said(server, {"markdown": markdown, "html": {"content": "no"}})
    content = job["html"]["content"]
    assert content.startswith('<div class="markdown-body">')
    assert "<h1>Head</h1>" in content
    assert "<td>1</td>" in content


def test_scripts_do_not_get_into_shown_content(server):
    evil = '<img src=x onerror="alert(1)"><a href="javascript:alert(1)">x</a>'
    for kind in ("html", "markdown"):
        content = said(server, {kind: {"content": evil}})["html"]["content"]
        assert "onerror" not in content
        assert "javascript:" not in content


@pytest.mark.parametrize(
    ("message", "code", "description"),
    [
        ({"complete": True}, 0, ""),
        ({"code": 0}, 0, ""),
        ({"code": False}, 0, ""),
        ({"code": None}, 0, ""),
        ({"complete": True, "code": 999, "description": "No database."}, 999, "No database."),
        ({"code": "warning", "description": "Sort of OK"}, "warning", "Sort of OK"),
        ({"code": "Odd Code!"}, "odd_code_", "Unknown Error (no description provided)"),
        ({"code": "404"}, "404", "Unknown Error (no description provided)"),
        ({"code": 1.5, "description": 7}, 1.5, "7"),
        ({"code": True, "description": "x"}, "unknown", "x"),
        ({"code": [1], "description": "x"}, "unknown", "x"),
    ],
)
def test_a_reported_result_counts_more_than_the_exit_code(server, message, code, description):
    job = said(server, message, then="exit 5")
    assert job["code"] == code
    assert type(job["code"]) is type(code)
    assert job.get("description", "") == description
    outcome = f"Job failed: {description} ({code})" if code else "Job completed successfully."
    assert messages(job)[-1] == outcome
    assert job["tags"] == ["_error" if code else "_success", "_last"]


def test_what_comes_after_the_result_is_ignored_but_text_is_logged(server):
    job = said(
        server,
        {"complete": True, "code": 0},
        {"code": 9, "description": "too late"},
        {"data": {"late": 1}},
        "still text",
    )
    assert (job["code"], job["output"]) == (0, "still text\n")
    assert "data" not in job


def test_json_that_is_no_message_is_logged_byte_for_byte(server):
    lines = [
        '{ "a" :  1,"b":[ ] }',
        '{"xy":0,"progress":1}',
        '  {"no": "xy"}  ',
        '{"xy": false, "x": "\\u00e9"}',
        "[1, 2]",
    ]
    job = said(server, *lines)
    assert job["output"] == "".join(f"{line}\n" for line in lines)
    assert not any("WARNING" in text for text in messages(job))


def test_a_job_that_prints_its_own_input_does_not_confuse_anybody(server):
    job = server.run_and_wait("#!/bin/sh\ncat\necho end\n")
    assert (job["output"], job["code"]) == ("end\n", 0)


def test_text_json_and_stderr_keep_their_order_and_bytes(server):
    script = (
        "#!/bin/sh\nprintf '  spaced  \\n\\n\\ttab\\n'\n"
        "echo '{\"xy\":1,\"progress\":0.5}'\nprintf 'no newline'\n"
    )
    assert server.run_and_wait(script)["output"] == "  spaced  \n\n\ttab\nno newline"


def test_percentages_of_scripts_are_progress(server):
    job_id = server.run("#!/bin/sh\necho 10%\necho ' 42% '\necho '50% done'\nsleep 600\n")
    job = server.wait(job_id, lambda job: job.get("progress") == 0.42)
    server.wait_for_log(job_id, "50% done")
    assert server.log(job_id) == b"50% done\n"
    server.call("abort_job", id=job_id)
    assert server.wait(job_id)["code"] == "abort"
    assert job["progress"] == 0.42


def test_annotate_puts_the_time_before_lines_of_stdout(server):
    event = server.event()
    script = "#!/bin/sh\necho one\nsleep 0.2\necho two >&2\n"
    before = time.strftime("%Y/%m/%d")
    job = server.run_and_wait(id=event, params={"script": script, "annotate": True})
    first, second = job["output"].splitlines()
    assert first.startswith(f"[{before} ")
    assert first[22:] == "one"
    assert second == "two"


def test_input_data_passes_through_with_pass(server):
    event = server.event(saying({"data": {"b": 2}}))
    job = server.run_and_wait(id=event, params={"pass": True}, input={"data": {"a": 1, "b": 0}})
    assert job["data"] == {"a": 1, "b": 2}


def test_malformed_parts_of_messages_are_noted_and_the_rest_counts(server):
    job = said(
        server,
        {"data": 5, "label": "kept"},
        {"push": "x"},
        {"push": {"bad key": [1], "tags": "flag", "files": "x"}},
    )
    assert job["label"] == "kept"
    assert messages(job)[7:-3] == [
        "WARNING: Invalid syntax: Not an object: data",
        "WARNING: Invalid push syntax: Not an object.",
        "WARNING: Invalid key in push object.",
        "WARNING: Property is not an array: tags",
        "WARNING: Property is not an array: files",
    ]


def test_tags_are_pushed_and_never_set(server):
    job = said(server, {"tags": ["important"], "push": {"tags": ["flag", "nosuchtag"]}})
    assert job["tags"] == ["flag", "_success", "_last"]
    assert "WARNING: Ignoring unknown tag: nosuchtag" in messages(job)


@pytest.mark.parametrize(
    "pushed",
    [
        {"actions": ["text", 5, None, [1], {}, {"condition": "complete", "enabled": True}]},
        {"limits": ["text", 5, None, [1], {}, {"type": "time", "enabled": True}]},
        {"tags": [5, None, {"a": 1}, ["x"]]},
        {"files": [5, None, {}, [], [[]]]},
    ],
)
def test_malformed_pushes_end_no_job_in_limbo(server, pushed):
    job_id = server.run(saying({"push": pushed}))
    assert server.wait(job_id)["final"]


def test_keys_of_the_engine_are_not_the_plugins_to_set(server):
    owned = {
        *("id", "event", "category", "plugin", "server", "pid", "started", "completed", "elapsed"),
        *("activity", "input", "log_file_size", "username", "source", "now"),
    }
    job = said(server, dict.fromkeys(owned, "evil"))
    assert job["code"] == 0
    assert not [key for key in owned if job.get(key) == "evil"]


def test_a_job_whose_plugin_rewrites_targets_can_still_be_read_by_limited_keys(server):
    job = said(server, {"targets": 5, "limits": 5, "tags": 5, "actions": 5})
    _, client = server.key("run_jobs", groups=["main"])
    for name, params in (("get_job", {"id": job["id"]}), ("get_jobs", {"ids": [job["id"]]})):
        assert server.post(name, params, client=client).status_code in (200, 403)


def test_the_record_of_a_typical_job_reads_as_one_json_object(server):
    job = said(server, {"data": {"text": "ä € 😀"}}, "ä € 😀")
    assert (job["data"]["text"], job["output"]) == ("ä € 😀", "ä € 😀\n")
    assert json.loads(json.dumps(job)) == job
