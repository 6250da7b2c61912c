"""Running a job from its request to its record, as a client sees it."""

import json
import socket
import time
from concurrent.futures import ThreadPoolExecutor

from tests.acceptance.scripts import ENDLESS, saying
from tests.server import ADMIN_KEY, messages

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
        "Executing job error action: snapshot",
        f"Taking snapshot of server: #{job['server']}",
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


def test_runs_with_one_idempotency_key_are_one_job_in_all_workers(server):
    event = server.event(saying("once"))

    def run(number):
        client = server.client_with(ADMIN_KEY)
        headers = {"Idempotency-Key": "once"}
        path = "/api/app/run_event/v1/wait" if number % 2 else "/api/app/run_event/v1"
        reply = client.post(path, json={"id": event}, headers=headers).json()
        return reply["job"]["id"] if number % 2 else reply["id"]

    with ThreadPoolExecutor(8) as pool:
        ids = set(pool.map(run, range(8)))
    assert len(ids) == 1
    assert server.wait(ids.pop())["output"] == "once\n"
