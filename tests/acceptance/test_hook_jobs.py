"""Jobs whose work is to fire a web hook."""

import json

import pytest

from tests.plugins.servers import Server as Receiver
from tests.processes import until
from tests.server import ADMIN_KEY, messages

pytestmark = pytest.mark.databases("sqlite")


@pytest.fixture
def receiver():
    with Receiver() as receiver:
        yield receiver


def hook_event(server, path, **hook):
    hook = {"title": "Hook", "enabled": True, "body": '{"text": "{{ text }}"}', **hook}
    made = server.call("create_web_hook", **hook, url=path)["web_hook"]
    params = {"web_hook": made["id"], "text": 'say "hi"'}
    return server.event(plugin="hookplug", params=params)


def test_a_job_fires_a_hook_and_ends_as_it_was_answered(server, receiver):
    event = hook_event(server, f"{receiver.url}/echo")
    job = server.run_and_wait(id=event)
    assert (job["code"], job["description"]) == (0, "Success (HTTP 200 OK)")
    assert json.loads(receiver.requests[0][3]) == {"text": 'say "hi"'}
    assert receiver.requests[0][2]["idempotency-key"] == f"{job['id']}.hook"
    assert job["html"]["title"] == "Web Hook Details"
    assert job["data"]["result"]["code"] == 0
    assert job["output"].startswith(f"Firing web hook via API: {server.url}/api/app/fire_job_web")
    assert "Job completed successfully." in messages(job)


def test_a_job_fails_with_its_hook(server, receiver):
    job = server.run_and_wait(id=hook_event(server, f"{receiver.url}/status?status=404"))
    assert (job["code"], job["description"]) == ("webhook", "Error: HTTP 404 Not Found")
    job = server.run_and_wait(id=server.event(plugin="hookplug", params={"web_hook": "wnone"}))
    assert (job["code"], job["description"]) == ("webhook", "Error: Web Hook not found: wnone")


def test_an_event_may_let_its_users_choose_among_some_hooks(server, receiver):
    for name in ("one", "two"):
        hook = {"id": f"choice{name}", "title": name, "url": f"{receiver.url}/echo?{name}"}
        server.call("create_web_hook", **hook)
    event = server.event(
        plugin="hookplug",
        params={"web_hook": "choice{{ params.which }}"},
        fields=[{"id": "which", "title": "Which", "type": "select", "value": "one, two"}],
    )
    _, runner = server.key("run_jobs")
    wishes = {"id": event, "params": {"which": "two", "web_hook": "choiceone"}}
    job_id = server.post("run_event", wishes, client=runner).json()["id"]
    assert server.wait_for_state(job_id, "complete")["code"] == 0
    assert [request[1] for request in receiver.requests] == ["/echo?two"]


def test_an_aborted_job_waits_for_no_answer(server, receiver):
    job_id = server.call("run_event", id=hook_event(server, f"{receiver.url}/silent"))["id"]
    until(lambda: receiver.requests, what="request of the hook")
    server.call("abort_job", id=job_id)
    assert server.wait_for_state(job_id, "complete")["code"] == "abort"


def test_keys_fire_no_hooks_of_jobs(server):
    job_id = server.run("#!/bin/sh\nsleep 60\n")
    server.wait_for_state(job_id, "active")
    for proof in ("0" * 64, ADMIN_KEY):
        reply = server.post("fire_job_web_hook", {"id": job_id, "auth": proof})
        assert reply.json() == {"code": "auth", "description": "Authentication failure"}
    server.call("abort_job", id=job_id)
