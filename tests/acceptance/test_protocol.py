"""What plugins say on stdout, and what becomes of it in the job's record."""

import json
import time
from pathlib import Path

import pytest

from tests.acceptance.scripts import saying
from tests.server import messages

pytestmark = pytest.mark.databases("sqlite")


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


def test_macros_in_markdown_see_what_was_reported_before(server):
    markdown = json.dumps({"xy": 1, "markdown": "**OPEN data.who }}** OPEN id }} OPEN gone }}"})
    # The opening braces come last: the script's own macros are replaced as the job is launched.
    then = f"until [ -e go ]; do sleep 0.05; done\necho '{markdown}' | sed 's/OPEN/{{{{/g'"
    job_id = server.run(saying({"data": {"who": "Ann"}}, then=then))
    job = server.wait(job_id, lambda job: job.get("data"))
    (Path(job["cwd"]) / "go").touch()
    content = server.wait(job_id)["html"]["content"]
    assert f"<strong>Ann</strong> {job_id} n/a" in content


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


@pytest.mark.parametrize(
    ("message", "code", "description"),
    [
        ({"code": False}, 0, ""),
        ({"code": "Odd Code!"}, "odd_code_", "Unknown Error (no description provided)"),
    ],
)
def test_a_reported_result_counts_more_than_the_exit_code(server, message, code, description):
    job = said(server, message, then="exit 5")
    assert (job["code"], job.get("description", "")) == (code, description)
    outcome = f"Job failed: {description} ({code})" if code else "Job completed successfully."
    assert messages(job)[-1] == outcome
    assert job["tags"] == ["_error" if code else "_success", "_last"]


def test_malformed_parts_are_noted_the_rest_counts_and_the_job_ends(server):
    odd = ["text", 5, None, [1], {}, {"condition": "complete", "enabled": True}]
    job = said(
        server,
        {"data": 5, "label": "kept", "id": "evil", "activity": "evil"},
        {"push": {"actions": odd, "limits": odd, "tags": odd[1:]}},
        {"push": {"files": [5, None, {}, [], [[]]]}},
    )
    assert (job["label"], job["code"]) == ("kept", "upload")
    assert job["id"] != "evil"
    assert [text for text in messages(job) if text.startswith("WARNING")] == [
        "WARNING: Invalid syntax: Not an object: data",
        *(f"WARNING: Invalid item in push object: {key}" for key in ("actions", "limits", "tags")),
    ]


def test_tags_are_pushed_and_never_set(server):
    job = said(server, {"tags": ["important"], "push": {"tags": ["flag", "nosuchtag"]}})
    assert job["tags"] == ["flag", "_success", "_last"]
    assert "WARNING: Ignoring unknown tag: nosuchtag" in messages(job)


def test_a_job_whose_plugin_rewrites_targets_can_still_be_read_by_limited_keys(server):
    job = said(server, {"targets": 5, "limits": 5, "tags": 5, "actions": 5})
    _, client = server.key("run_jobs", groups=["main"])
    for name, params in (("get_job", {"id": job["id"]}), ("get_jobs", {"ids": [job["id"]]})):
        assert server.post(name, params, client=client).status_code in (200, 403)


def test_the_record_of_a_typical_job_reads_as_one_json_object(server):
    job = said(server, {"data": {"text": "ä € 😀"}}, "ä € 😀")
    assert (job["data"]["text"], job["output"]) == ("ä € 😀", "ä € 😀\n")
    assert json.loads(json.dumps(job)) == job
