"""Limits of running jobs: time, log, memory, processors."""

from tests.acceptance.scripts import ENDLESS
from tests.server import messages


def time_limit(**changes):
    return {"type": "time", "enabled": True, "duration": 1, "abort": True} | changes


def test_a_time_limit_aborts_the_job_in_time(server):
    event = server.event(ENDLESS, limits=[time_limit()])
    job = server.run_and_wait(id=event)
    text = "Job elapsed time has exceeded maximum limit of 1 second."
    assert (job["code"], job["description"]) == ("abort", text)
    assert 1 <= job["elapsed"] < 2
    told = messages(job)[7:]
    assert told[:2] == [text, "Aborting job on server"]
    assert told[2] == f"Killing all job processes: {job['pid']}"
    assert told[3:] == [
        "Child exited with code: SIGTERM",
        "Job is finishing",
        "Executing job error action: snapshot",
        f"Taking snapshot of server: #{job['server']}",
        f"Job aborted: {text}",
    ]
    (limit,) = job["limits"]
    assert (limit["code"], limit["msg"]) == (0, text)
    assert limit["description"] == "Successfully applied limits."
    assert limit["details"] == "### Abort Details:\n\n- **Aborted job successfully.**\n"
    assert 0 <= limit["date"] - job["started"] - 1 < 1
    row = next(row for row in job["activity"] if row["msg"] == text)
    assert row["job_id"] == job["id"]


def test_a_limit_on_the_log_ends_a_talkative_job(server):
    limit = {"type": "log", "enabled": True, "amount": 100_000, "abort": True}
    job = server.run_and_wait(id=server.event("#!/bin/sh\nexec yes\n", limits=[limit]))
    text = "Job output size has exceeded maximum limit of 97.6 K."
    assert (job["code"], job["description"]) == ("abort", text)
    assert job["elapsed"] < 10


def test_a_limit_on_the_processors_ends_a_busy_job_at_the_first_sample(server):
    limit = {"type": "cpu", "enabled": True, "amount": 1, "abort": True}
    event = server.event("#!/bin/sh\nwhile :; do :; done\n", limits=[limit])
    job = server.run_and_wait(id=event)
    text = "Job CPU usage has exceeded maximum limit of 1% for 0 seconds."
    assert (job["code"], job["description"]) == ("abort", text)
    assert job["cpu"]["max"] > 1


def test_a_file_limit_prunes_the_input(server):
    limit = {"type": "file", "enabled": True, "amount": 5, "accept": ".txt"}
    event = server.event("#!/bin/sh\nls\n", limits=[limit])
    files = {name: (name, b"x", "text/plain") for name in ("a.txt", "b.csv")}
    response = server.client.post("/api/app/run_event/v1/wait", data={"id": event}, files=files)
    job = response.json()["job"]
    assert job["output"] == "a.txt\n"
    assert [file["filename"] for file in job["input"]["files"]] == ["a.txt"]
    assert "Pruned 1 files from input (file extension match)" in messages(job)


def test_a_day_limit_holds_for_those_who_do_not_run_by_hand(server):
    limit = {"type": "day", "enabled": True, "condition": "success", "amount": 1}
    limited = server.event("#!/bin/sh\ntrue\n", limits=[limit])
    action = {"type": "run_event", "condition": "complete", "enabled": True, "event_id": limited}
    parent = server.event("#!/bin/sh\ntrue\n", actions=[action])
    assert server.run_and_wait(id=limited)["code"] == 0
    # By hand again: nobody counts that.
    assert server.run_and_wait(id=limited)["code"] == 0
    job = server.run_and_wait(id=parent)
    text = f"Maximum daily 'success' count of 1 has been reached for event: {limited}"
    assert job["actions"][0]["code"] == "event"
    assert job["actions"][0]["description"] == f"Failed to launch event: {text}"


def test_what_jobs_did_is_counted_and_remembered_with_their_event(server):
    event = server.event("#!/bin/sh\nexit $fail\n", fields=[{"id": "fail", "type": "text"}])
    first = server.run_and_wait(id=event, params={"fail": "0"})
    second = server.run_and_wait(id=event, params={"fail": "3"})
    reply = server.get("get_multiple", lists="tags", state=1, stats=1).json()
    state = reply["state"]["events"][event]
    assert (state["last_job"], state["last_code"]) == (second["id"], 3)
    assert state["last_completed"] == second["completed"]
    assert state["total_count"] == 2
    assert state["total_elapsed"] == round(first["elapsed"] + second["elapsed"], 3)
    day = reply["stats"]["currentDay"]
    assert day["jobs"] >= 2
    assert day["job_start"] >= 2
    assert day["job_user"] >= 1
