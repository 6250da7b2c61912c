"""What a job gets from its caller: input, files, parameters, environment."""

import json

import pytest

from tests.acceptance.scripts import python
from tests.server import messages

pytestmark = pytest.mark.databases("sqlite")


def test_input_data_reaches_the_job(server):
    script = python(
        "import json, os, sys\n"
        "line = sys.stdin.readline(); job = json.loads(line)\n"
        "assert sys.stdin.read() == ''\n"
        "print(job['xy'], job['type'], job['input']['data']['greeting'])\n"
        "print(os.environ['data_greeting'])\n"
        "print(json.dumps({'xy': 1, 'data': {'keys': sorted(job)}}))"
    )
    job = server.run_and_wait(script, input={"data": {"greeting": "hello"}})
    assert job["output"] == "1 event hello\nhello\n"
    assert job["input"] == {"data": {"greeting": "hello"}}
    assert {
        *("id", "event", "category", "plugin", "targets", "algo", "params", "limits", "actions"),
        *("tags", "username", "source", "env", "state", "started", "now", "updated", "progress"),
        *("command", "script", "uid", "gid", "kill", "server", "groups", "cwd", "log_file"),
        *("log_file_size", "input", "versions", "secrets", "base_url", "temp_dir"),
    } <= set(job["data"]["keys"])


def test_an_uploaded_file_lies_in_the_working_folder(server):
    event = server.event('#!/bin/sh\ncat "$(pwd)/in put.txt"\nls\n')
    response = server.client.post(
        "/api/app/run_event/v1/wait",
        data={"json": json.dumps({"id": event, "input": {"data": {"a": 1}}})},
        files={"file1": ("in put.txt", b"some bytes\n" * 1000, "text/plain")},
    )
    job = response.json()["job"]
    assert job["output"] == "some bytes\n" * 1000 + "in put.txt\n"
    assert "_files" in job["tags"]
    assert "Downloading file: in put.txt (10.7 K)" in messages(job)
    (file,) = job["input"]["files"]
    assert (file["filename"], file["size"]) == ("in put.txt", 11000)
    assert server.client.get(f"/{file['path']}").content == b"some bytes\n" * 1000


def test_an_input_file_that_is_gone_ends_the_job_with_a_setup_error(server):
    upload = {"file1": ("a.txt", b"123", "text/plain")}
    (file,) = server.post("upload_job_input_files", files=upload).json()["files"]
    suspend = {"enabled": True, "condition": "start", "type": "suspend"}
    event = server.event("#!/bin/sh\necho never\n", actions=[suspend])
    job_id = server.run(id=event, input={"files": [file]})
    server.wait(job_id, lambda job: job.get("suspended"))
    (server.instance / file["path"]).unlink()
    server.call("resume_job", id=job_id)
    job = server.wait(job_id)
    assert job["code"] == 1
    text = "Setup Error: Error: Failed to download job file: a.txt: HTTP 404 Not Found"
    assert job["description"].startswith(text)


def test_the_environment_is_the_documented_one(server):
    script = python(
        "import json, os\nprint(json.dumps({'xy': 1, 'data': {'env': dict(os.environ)}}))"
    )
    params = {"MyParam": "value one", "a-b": {"x": [1]}, "flag": True, "none": None}
    job = server.run_and_wait(script, params=params)
    env = job["data"]["env"]
    assert env["JOB_ID"] == job["id"]
    assert float(env["JOB_NOW"]) == job["now"]
    assert env["JOB_BASE_URL"] == server.url
    assert env["PWD"] == job["cwd"]
    assert env["XYOPS"]
    assert env["SWITCHYARD_LAUNCH"]
    assert {"USER", "USERNAME", "HOME", "SHELL", "JOB_LOG"} <= env.keys()
    assert (env["MyParam"], env["a_b"], env["flag"], env["none"]) == (
        *("value one", '{"x":[1]}', "true", "null"),
    )
    paths = env["PATH"].split(":")
    assert {"/bin", "/usr/bin", "/usr/local/sbin"} <= set(paths)
    assert len(paths) == len(set(paths))
    leaked = [key for key in env if key.startswith(("SWITCHYARD_", "FLASK", "GUNICORN", "MAKE"))]
    assert leaked == ["SWITCHYARD_LAUNCH"]


def test_a_parameter_may_replace_any_variable(server):
    job = server.run_and_wait("#!/bin/sh\n/bin/echo $PATH $JOB_ID\n", params={"JOB_ID": "mine"})
    assert job["output"].endswith(" mine\n")


def test_a_value_too_long_for_the_environment_is_left_out_and_noted(server):
    script = python(
        "import json, os, sys\n"
        "print(len(json.load(sys.stdin)['params']['big']))\n"
        "print('big' in os.environ, os.environ['after'])"
    )
    job = server.run_and_wait(script, params={"big": "x" * 200_000, "after": "here"})
    assert job["output"] == "200000\nFalse here\n"
    assert any("big" in text and text.startswith("WARNING") for text in messages(job))


def test_overrides_of_the_run_are_the_jobs(server):
    wishes = {"label": "my label", "notes": "hi", "icon": "star", "custom": [1]}
    job = server.run_and_wait("#!/bin/sh\ntrue\n", tags=["flag"], **wishes)
    assert {key: job[key] for key in wishes} == wishes
    assert job["tags"] == ["flag", "_success", "_last"]


def test_callers_do_not_decide_how_a_process_is_started(server):
    job = server.run_and_wait(
        "#!/bin/sh\nid -u\npwd\n",
        uid="65534",
        cwd="/",
        command="x",
        env={"A": "1"},
        category="x",
    )
    assert (job["code"], job["uid"], job["category"], job["env"]) == (0, "", "general", {})
