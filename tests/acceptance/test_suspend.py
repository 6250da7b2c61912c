"""Suspension by a start action, and what callers do with suspended jobs."""

from tests.server import messages

SUSPEND = {"enabled": True, "condition": "start", "type": "suspend"}
HELD = ["Executing job start action: suspend", "Suspending job until manual user intervention."]


def suspended(server, **wishes):
    """A suspended job of a new event."""
    event = server.event('#!/bin/sh\necho "resumed with $extra"\n', actions=[SUSPEND])
    job_id = server.run(id=event, **wishes)
    return server.wait(job_id, lambda job: job.get("suspended"))


def test_a_suspended_job_waits_in_starting(server):
    job = suspended(server)
    assert (job["state"], job["suspended"]) == ("starting", True)
    assert messages(job)[4:] == HELD
    action, _snapshot = job["actions"]
    assert (action["active"], action["details"], action["elapsed_ms"]) == (True, "", 0)
    rows = server.call("get_active_jobs", suspended=True)["rows"]
    assert job["id"] in [row["id"] for row in rows]
    server.call("abort_job", id=job["id"])


def test_a_resumed_job_runs_with_the_new_parameters(server):
    job = suspended(server)
    agent = {"User-Agent": "tester/1.0"}
    body = {"id": job["id"], "params": {"extra": "val"}}
    assert server.post("resume_job", body, headers=agent).json() == {"code": 0}
    job = server.wait(job["id"])
    assert (job["output"], job["code"]) == ("resumed with val\n", 0)
    assert job["params"]["extra"] == "val"
    assert "suspended" not in job
    chosen = messages(job)[3]
    assert messages(job)[4:-4] == [
        *HELD,
        "Resuming job after user intervention.",
        "Moving job state from {starting} to {active}",
        chosen,
        "Sending launch command to remote server",
    ]
    action, _snapshot = job["actions"]
    assert (action["code"], action["description"]) == (0, "Successfully suspended and resumed job.")
    assert "active" not in action
    lines = action["details"].splitlines()
    assert lines[0] == "### Suspension Details:"
    assert lines[2].startswith("- **Duration:** ")
    assert lines[3].startswith("- **Resumed At:** ")
    assert lines[3].endswith(" GMT+0000 (Coordinated Universal Time)")
    assert lines[4] == "- **Resumed By:** `admin`"
    assert lines[5] == "- **IP Addresses:** 127.0.0.1"
    assert lines[6] == "- **User Agent:** tester/1.0"
    rest = action["details"].partition("#### User Parameters\n\n")[2]
    assert rest == '```json\n{\n\t"extra": "val"\n}\n```\n'


def test_a_resume_may_have_macros_and_override_the_job(server):
    job = suspended(server)
    params = {"extra": "{{ job_of || event }}", "_xy_override_label": "held {{ params.extra }}"}
    server.call("resume_job", id=job["id"], params=params)
    job = server.wait(job["id"])
    assert job["output"] == f"resumed with {job['event']}\n"
    assert job["label"] == f"held {job['event']}"


def test_resuming_twice_and_resuming_others_is_refused(server):
    job = suspended(server)
    server.call("resume_job", id=job["id"])
    server.wait(job["id"])
    response = server.post("resume_job", {"id": job["id"]})
    assert (response.status_code, response.json()["code"]) == (409, "job")
    assert response.json()["description"] == (f"Job not found or is no longer active: {job['id']}")
    running = server.run("#!/bin/sh\nsleep 60\n")
    server.wait_for_state(running, "active")
    response = server.post("resume_job", {"id": running})
    assert response.status_code == 409
    assert response.json()["description"] == f"Job is not currently suspended: {running}"
    server.call("abort_job", id=running)
    assert server.post("resume_job", {"id": "jnosuchjob"}).status_code == 404


def test_an_aborted_suspension_ends_the_job(server):
    job = suspended(server)
    server.call("abort_job", id=job["id"])
    job = server.wait(job["id"])
    reason = job["description"]
    assert reason.startswith("Manually aborted by API Key: ")
    assert messages(job)[4:] == [
        *HELD,
        f"Aborting Job: {reason}",
        "Resuming job after user intervention.",
        "Executing job error action: snapshot",
        f"Taking snapshot of server: #{job['server']}",
        f"Job aborted: {reason}",
    ]
    assert job["actions"][0]["description"] == "Successfully suspended and resumed job."
    assert "pid" not in job


def test_a_source_may_be_spared_from_suspension(server):
    event = server.event("#!/bin/sh\ntrue\n", actions=[SUSPEND | {"sources": ["key"]}])
    job = server.run_and_wait(id=event)
    assert job["code"] == 0
    assert job["actions"][0]["description"] == "Skipped suspension due to job source: key"


def test_a_suspended_job_holds_its_place(server):
    limit = [{"type": "job", "enabled": True, "amount": 1}]
    event = server.event("#!/bin/sh\ntrue\n", actions=[SUSPEND], limits=limit)
    job_id = server.run(id=event)
    server.wait(job_id, lambda job: job.get("suspended"))
    assert server.run_and_wait(id=event)["code"] == "abort"
    server.call("abort_job", id=job_id)
