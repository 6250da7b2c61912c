"""Actions that reach beyond their job: they hold it where it is until they are done."""

import json
import os

import pytest

from tests.processes import all_pids, environment, until
from tests.server import messages


def action(kind, condition="success", **changes):
    return {"enabled": True, "condition": condition, "type": kind, **changes}


def test_a_child_runs_before_its_parent_and_another_after_it(server):
    child = server.event()
    script = '#!/bin/sh\necho \'{"xy":1,"data":{"a":1}}\'\n'
    actions = [
        action("run_event", "start", event_id=child),
        action("run_event", "complete", event_id=child, params={"note": "end"}),
    ]
    job = server.run_and_wait(id=server.event(script, actions=actions))
    first, second = (entry["id"] for entry in job["jobs"])
    assert [entry["reason"] for entry in job["jobs"]] == ["action", "action"]
    assert job["code"] == 0
    texts = messages(job)
    for condition, launched in (("start", first), ("complete", second)):
        (done,) = [item for item in job["actions"] if item["condition"] == condition]
        assert done["description"] == f"Successfully launched job: {launched}"
        assert (done["code"], done["loc"]) == (0, f"#Job?id={launched}")
        assert done["date"] > 0
        assert done["elapsed_ms"] >= 0
        assert "active" not in done
        assert f"Executing job {condition} action: run_event" in texts
    active = texts.index("Moving job state from {starting} to {active}")
    running = [number for number, text in enumerate(texts) if "Running custom event" in text]
    assert running[0] < active < running[1] < texts.index("Job completed successfully.")
    assert server.wait(first)["parent"] == {"job": job["id"], "event": job["event"]}
    after = server.wait(second)
    assert after["input"] == {"data": {"a": 1}, "files": []}
    assert after["source"] == "action"
    assert after["parent"]["code"] == 0
    assert after["params"]["note"] == "end"


def test_a_job_disables_and_deletes_its_event(server):
    event = server.event(actions=[action("disable"), action("delete", "complete")])
    job = server.run_and_wait(id=event)
    assert {item["description"] for item in job["actions"] if "code" in item} == {
        "Successfully disabled event.",
        "Successfully deleted event.",
    }
    assert job["event_title"]
    assert server.post("get_event", {"id": event}).status_code == 404


def test_a_suspension_at_the_end_holds_a_complete_job(server):
    event = server.event("#!/bin/sh\necho said\n", actions=[action("suspend", "success")])
    job_id = server.run(id=event)
    job = server.wait(job_id, lambda job: job.get("suspended"))
    assert (job["state"], job["code"]) == ("complete", 0)
    assert "final" not in job
    assert server.log(job_id) == b"said\n"
    (row,) = server.call("get_active_jobs", event=event)["rows"]
    assert row["state"] == "complete"
    assert server.post("delete_job", {"id": job_id}).status_code == 409
    # It takes no place of its event's concurrency limit.
    limits = [{"type": "job", "enabled": True, "amount": 1}]
    server.call("update_event", id=event, limits=limits, actions=[])
    assert server.run_and_wait(id=event)["code"] == 0
    server.call("resume_job", id=job_id, params={"late": 1})
    job = server.wait(job_id)
    assert messages(job)[-4:] == [
        "Executing job success action: suspend",
        "Suspending job until manual user intervention.",
        "Resuming job after user intervention.",
        "Job completed successfully.",
    ]
    assert (job["code"], job["output"]) == (0, "said\n")
    assert job["params"].get("late") is None
    assert "suspended" not in job
    runs = server.instance / "runs" / job_id
    until(lambda: not runs.exists(), what="end of the run's folder")


def test_an_abort_at_the_end_changes_the_result_and_begins_no_second_round(server):
    actions = [action("suspend"), action("label", "abort", label="never")]
    job_id = server.run(id=server.event(actions=actions))
    server.wait(job_id, lambda job: job.get("suspended"))
    server.call("abort_job", id=job_id)
    job = server.wait(job_id)
    assert job["code"] == "abort"
    assert messages(job)[-3:] == [
        f"Aborting Job: {job['description']}",
        "Resuming job after user intervention.",
        f"Job aborted: {job['description']}",
    ]
    assert "label" not in job
    assert "_error" in job["tags"]


def test_an_instant_action_runs_while_the_job_does(server):
    child = server.event()
    push = action("run_event", "instant", event_id=child)
    label = action("label", "instant", label="at once")
    script = f"""#!/bin/sh
echo '{{"xy":1,"push":{{"actions":[{json.dumps(push)},{json.dumps(label)}]}}}}'
read -r _ < "$gate"
"""
    event = server.event(script)
    gate = server.folder / f"gate-{event}"
    os.mkfifo(gate)
    job_id = server.run(id=event, params={"gate": str(gate)})
    job = server.wait(job_id, lambda job: job.get("jobs"))
    assert (job["state"], job["label"]) == ("active", "at once")
    assert server.wait(job["jobs"][0]["id"])["code"] == 0
    gate.write_text("\n")
    job = server.wait(job_id)
    assert {item["source"] for item in job["actions"] if item["condition"] == "instant"} == {"job"}
    assert job["label"] == "at once"


def test_an_ephemeral_job_goes_when_its_actions_are_done(server):
    child = server.event()
    event = server.event(actions=[action("run_event", "complete", event_id=child)])
    job_id = server.run(id=event, ephemeral=True)
    until(lambda: server.post("get_job", {"id": job_id}).status_code == 404, what="its end")
    found = until(lambda: server.call("search_jobs", query=f"event:{child}")["rows"], what="child")
    assert found[0]["parent"]["job"] == job_id


def test_a_failed_attempt_that_is_retried_has_no_end_actions(server):
    child = server.event()
    limits = [{"type": "retry", "enabled": True, "amount": 1, "duration": 0}]
    actions = [action("run_event", "error", event_id=child)]
    job = server.run_and_wait(
        id=server.event("#!/bin/sh\nexit 3\n", actions=actions, limits=limits)
    )
    assert [entry["reason"] for entry in job["jobs"]] == ["retry"]
    last = server.wait(job["jobs"][0]["id"])
    assert [entry["reason"] for entry in last["jobs"]] == ["action"]


#: An action plugin that tells of the job, with what its parameter says.
TELLER = """
import json, os, sys
job = json.load(sys.stdin)
print("looked at", job["job"]["id"])
print(json.dumps({"xy": 1, "code": 0, "description": job["text"].partition(":")[0],
    "details": os.environ["greeting"] + " " + job["condition"]}))
"""


@pytest.mark.databases("sqlite")
def test_plugins_run_before_and_after_a_job(server):
    greeting = {"id": "greeting", "title": "Greeting", "type": "text", "value": "Hello"}
    teller = server.plugin("python3", type="action", script=TELLER, params=[greeting])
    fails = server.plugin("echo oh no >&2; exit 3", type="action")
    actions = [
        action("plugin", "start", plugin_id=teller),
        action("plugin", "complete", plugin_id=teller, params={"greeting": "Bye, $JOB_ID"}),
        action("plugin", "success", plugin_id=fails),
    ]
    job = server.run_and_wait(id=server.event(actions=actions))
    start, complete, success = job["actions"][:3]
    assert (start["code"], start["details"]) == (0, "Hello start")
    assert start["description"].startswith("xyOps Job started on ")
    assert complete["details"] == f"Bye, {job['id']} complete"
    assert success["code"] == "plugin"
    assert success["description"] == "Action Plugin exited with code: 3: oh no"
    assert success["details"] == "### Plugin Output:\n\n```\noh no\n```\n"
    assert job["code"] == 0
    texts = messages(job)
    ran = texts.index(f"Running custom action Plugin: #{teller}")
    assert ran < texts.index("Moving job state from {starting} to {active}")
    until(lambda: not list((server.instance / "runs").glob("x*")), what="end of their folders")


@pytest.mark.databases("sqlite")
def test_an_abort_ends_a_start_action_and_leaves_no_process(server):
    plugin = server.plugin("(setsid sleep 600 &) ; sleep 600", type="action")
    job_id = server.run(id=server.event(actions=[action("plugin", "start", plugin_id=plugin)]))

    def processes():
        return [pid for pid in all_pids() if f"JOB_ID={job_id}".encode() in environment(pid)]

    until(lambda: len(processes()) >= 3, what="both sleeps")
    server.call("abort_job", id=job_id)
    job = server.wait(job_id, seconds=10)
    assert (job["code"], job["actions"][0]["code"]) == ("abort", "plugin")
    assert "aborted" in job["actions"][0]["description"]
    assert "pid" not in job
    assert processes() == []
