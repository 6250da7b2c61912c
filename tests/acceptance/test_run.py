"""Running a job from its request to its record, as a client sees it."""

import json
import socket
import time

from tests.acceptance.scripts import ENDLESS, python, saying
from tests.server import messages

HOST = socket.gethostname().lower()


def head_of(job):
    """The activity of every job that has a process, up to its start."""
    return [
        f"xyOps job starting: #{job['id']}",
        "Source: Key",
        f"Event ID: #{job['event']}",
        f"Chosen server: {HOST} (random)",
        "Moving job state from {starting} to {active}",
        "Sending launch command to remote server",
        f"Spawned child process: PID {job['pid']}",
    ]


def test_a_script_that_succeeds_leaves_a_whole_record(server):
    job = server.run_and_wait('#!/bin/sh\necho "hello world"\necho "second line"\n')
    assert messages(job) == [
        *head_of(job),
        "Child exited with code: 0",
        "Job is finishing",
        "Job completed successfully.",
    ]
    us, them = f"m:{HOST}", job["server"]
    assert [row["server"] for row in job["activity"]] == [us] * 6 + [them] * 3 + [us]
    assert all(row["id"].startswith("m") and row["epoch"] > 1e9 for row in job["activity"])
    assert job["output"] == "hello world\nsecond line\n"
    assert job["log_file_size"] == 24
    assert (job["code"], job["description"], job["tags"]) == (0, "", ["_success", "_last"])
    assert (job["state"], job["complete"], job["final"], job["progress"]) == (
        *("complete", True, True, 1),
    )
    assert (job["files"], job["groups"], job["plugin"]) == ([], ["main"], "shellplug")
    assert job["elapsed"] == round(job["completed"] - job["started"], 3)
    assert job["event_title"].startswith("Test ")
    assert job["event_revision"] == 1
    assert "html" not in job
    assert not {"status", "remote", "redraw", "procs", "aborting", "launch"} & job.keys()


def test_a_script_that_fails_shows_its_first_line_of_stderr(server):
    script = '#!/bin/sh\necho "about to fail"\necho "bad <thing> happened" >&2\nexit 3\n'
    job = server.run_and_wait(script)
    text = "Script exited with code: 3: bad <thing> happened"
    assert (job["code"], job["description"]) == (3, text)
    assert job["html"] == {
        "title": "Error Output",
        "content": "<pre>bad &lt;thing&gt; happened</pre>",
    }
    assert job["output"] == "about to fail\nbad <thing> happened\n"
    assert job["tags"] == ["_error", "_last"]
    assert messages(job) == [
        *head_of(job),
        "Child exited with code: 3",
        "Job is finishing",
        f"Job failed: {text} (3)",
    ]


def test_a_failure_without_any_output_has_its_description_as_log(server):
    job = server.run_and_wait("#!/bin/sh\nexit 7\n")
    assert (job["code"], job["output"]) == (7, "Script exited with code: 7\n")


def test_error_output_is_shown_even_of_a_success(server):
    job = server.run_and_wait("#!/bin/sh\necho hm >&2\n")
    assert (job["code"], job["html"]["content"]) == (0, "<pre>hm</pre>")


def test_a_script_that_dies_by_a_signal_says_which(server):
    job = server.run_and_wait("#!/bin/sh\nkill -KILL $$\n")
    assert (job["code"], job["description"]) == ("sigkill", "Script exited with code: SIGKILL")
    assert "Child exited with code: SIGKILL" in messages(job)


def test_an_interpreter_that_does_not_exist_is_a_clear_error(server):
    job = server.run_and_wait("#!/no/such/interpreter\n")
    assert job["code"] == 1
    assert job["description"].startswith("Script failed: ")
    assert not any(text.startswith("Spawned") for text in messages(job))


def test_a_script_without_first_line_runs_in_the_shell(server):
    assert server.run_and_wait("echo plain; exit 4")["code"] == 4


def test_windows_line_ends_do_no_harm(server):
    assert server.run_and_wait("#!/bin/sh\r\necho ok\r\n")["output"] == "ok\n"


def test_no_server_for_the_targets_aborts_the_job(server):
    job = server.run_and_wait(id=server.event(targets=["nosuchserver"]))
    text = "No available servers matching targets."
    assert (job["code"], job["description"], job["output"]) == ("abort", text, f"{text}\n")
    assert messages(job)[3:] == [
        "No available servers matching targets",
        f"Aborting Job: {text}",
        f"Job aborted: {text}",
    ]
    assert not {"server", "pid", "files"} & job.keys()


def test_get_job_and_wait_show_the_same(server):
    job = server.run_and_wait("#!/bin/sh\necho x\n")
    assert server.job(job["id"]) == job


def test_wait_answers_soon_after_the_end(server):
    job = server.run_and_wait(saying("x", then="sleep 0.5"))
    assert time.time() - job["completed"] < 0.5


def test_wait_with_a_timeout_answers_with_the_job_as_it_stands(server):
    event = server.event(ENDLESS)
    began = time.monotonic()
    job = server.run_and_wait(id=event, timeout=1)
    assert job["state"] == "active"
    assert 0.9 <= time.monotonic() - began < 5
    server.call("abort_job", id=job["id"])


def test_wait_keeps_proxies_awake_with_white_space(server):
    event = server.event("#!/bin/sh\nsleep 10.5\n")
    url = "/api/app/run_event/v1/wait"
    with server.client.stream("POST", url, json={"id": event}) as response:
        assert response.headers["X-Accel-Buffering"] == "no"
        assert "Content-Length" not in response.headers
        chunks = list(response.iter_raw())
    assert chunks[0] == b" "
    assert json.loads(b"".join(chunks))["job"]["code"] == 0


def test_waiting_for_an_ephemeral_job_is_an_ordinary_error(server):
    event = server.event("#!/bin/sh\necho x\n", ephemeral=True)
    response = server.client.post("/api/app/run_event/v1/wait", json={"id": event})
    assert response.status_code == 404
    assert response.json()["code"] == "event"
    assert response.json()["description"].startswith("Failed to wait for job: ")


def test_an_ephemeral_job_that_fails_is_kept(server):
    event = server.event("#!/bin/sh\nexit 1\n", ephemeral=True)
    job = server.run_and_wait(id=event)
    assert (job["code"], job.get("final")) == (1, True)
    assert "Job is ephemeral." in messages(job)
    assert "Removing ephemeral flag, as job has a non-zero code." in messages(job)


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


def test_a_missing_input_file_ends_the_job_with_a_setup_error(server):
    files = [{"filename": "a.txt", "path": "files/nobody/gone/a.txt", "size": 3}]
    job = server.run_and_wait("#!/bin/sh\necho never\n", input={"files": files})
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


def test_a_test_run_of_a_disabled_event_is_tagged(server):
    event = server.event("#!/bin/sh\ntrue\n", enabled=False, triggers=[])
    assert server.post("run_event", {"id": event}).status_code == 400
    job = server.run_and_wait(id=event, test=True)
    assert job["tags"] == ["_success", "_last", "_test"]


def test_by_form_by_query_and_by_title_the_same_event_runs(server):
    event = server.event("#!/bin/sh\necho $who\n", title="By its title")
    path = "/api/app/run_event/v1/wait"
    form = server.client.post(path, data={"id": event, "params/who": "form"})
    query = server.client.get(path, params={"id": event, "params/who": "query"})
    title = server.client.post(path, json={"title": "By its title", "params": {"who": "title"}})
    outputs = [response.json()["job"]["output"] for response in (form, query, title)]
    assert outputs == ["form\n", "query\n", "title\n"]


def test_without_version_errors_have_status_200(server):
    response = server.client.post("/api/app/run_event", json={"id": "nosuchevent"})
    assert (response.status_code, response.json()["code"]) == (200, "event")
    assert server.post("run_event", {"id": "nosuchevent"}).status_code == 404
