"""docs/plugins.md: its examples do what it says, its tables name what there is."""

import re

from core import json
from services.stock_plugins import PLUGINS
from tests.docs import pages
from tests.server import messages

PAGE = pages.read("docs/plugins.md")
ACTION, SIZES, FAILURE, CLEAN_UP = pages.blocks(PAGE, "bash")
(WORDS,) = pages.blocks(PAGE, "python")


def test_the_example_with_progress_table_and_file(server):
    job = server.run_and_wait(SIZES)

    assert (job["code"], job["description"]) == (0, "")
    assert [row[0] for row in job["table"]["rows"]] == ["/bin", "/sbin", "/usr/bin", "/usr/sbin"]
    assert [file["filename"] for file in job["files"]] == ["sizes.csv"]
    assert "output" not in job


def test_the_example_in_python_reports_data(server):
    event = server.event(WORDS, fields=[{"id": "words", "title": "Words", "type": "text"}])
    job = server.run_and_wait(id=event, params={"words": "one two one"})

    assert (job["code"], job["description"]) == (0, "2 different words")
    assert job["data"] == {"counts": {"one": 2, "two": 1}}
    assert "<strong>2</strong>" in job["html"]["content"]
    assert job["output"] == "Counted 3 words\n"


def test_the_example_that_fails_tells_why(server):
    job = server.run_and_wait(FAILURE)

    assert job["code"] == 3
    assert job["description"] == "Script exited with code: 3: There is no backup of this year."


def test_the_example_that_cleans_up_does_so_when_it_is_aborted(server, tmp_path):
    script = CLEAN_UP.replace("$HOME/.my-lock", f"{tmp_path}/lock")
    job_id = server.run(script)
    server.wait_for_log(job_id, "Working")
    assert (tmp_path / "lock").exists()

    server.call("abort_job", id=job_id)
    job = server.wait(job_id)

    assert job["code"] == "abort"
    assert job["output"] == "Working\nGiving the lock back\n"
    assert not (tmp_path / "lock").exists()
    assert not any("killing harder" in message for message in messages(job))


def test_the_example_of_an_action_plugin_tells_once(server, tmp_path):
    params = [{"id": "folder", "title": "Folder", "type": "text", "value": str(tmp_path)}]
    plugin = server.plugin("bash", type="action", script=ACTION, params=params)
    action = {"enabled": True, "type": "plugin", "plugin_id": plugin, "condition": "complete"}
    job = server.run_and_wait(id=server.event(actions=[action]))

    (told,) = tmp_path.iterdir()
    assert told.read_text() == f"{job['id']}\n"
    assert job["actions"][0]["description"] == f"Told of {job['id']}"
    assert job["actions"][0]["details"] == f"In **{tmp_path}**"


def test_the_example_of_a_message_is_one():
    (example,) = pages.blocks(PAGE, "json")

    assert json.loads(example)["xy"] == 1


def test_all_parameters_of_the_bundled_plugins_are_told():
    headings = {
        "shellplug": "## Shell scripts",
        "httpplug": "## HTTP requests",
        "testplug": "## The test plugin",
        "hookplug": "## Web hooks",
    }
    for plugin in PLUGINS:
        section = pages.section(PAGE, headings[plugin["id"]])
        told = set(re.findall(r"`(\w+)`", section))
        assert {param["id"] for param in plugin["params"]} - told == set()


def test_the_variables_of_a_job_are_told(server):
    event = server.event("#!/bin/sh\nenv\n")
    job = server.run_and_wait(id=event, input={"data": {"size": 3}})
    names = {line.partition("=")[0] for line in job["output"].splitlines()}

    told = set(re.findall(r"`([A-Z_]+)`", pages.section(PAGE, "## What a job is given")))
    assert {"JOB_ID", "JOB_LOG", "XYOPS", "USER", "PWD"} <= told - {"JOB_ENV"} <= names
    assert "data_size" in names
    assert "SWITCHYARD_LAUNCH" in names
    assert not any(name.startswith("SWITCHYARD_") for name in names - {"SWITCHYARD_LAUNCH"})
