"""Jobs whose work is to fire a web hook."""

import json

import pytest

from tests.plugins.servers import Server as Receiver
from tests.server import messages

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


def test_other_jobs_have_no_hook_to_fire(server):
    job_id = server.run("#!/bin/sh\nsleep 60\n")
    server.wait_for_state(job_id, "active")
    reply = server.post("fire_job_web_hook", {"id": job_id, "auth": "0" * 64})
    assert reply.json() == {"code": "auth", "description": "Authentication failure"}
    reply = server.post("fire_job_web_hook", {"id": job_id, "auth": "the-admin-key-of-the-tests"})
    assert reply.json()["description"] == f"Job fires no web hook: {job_id}"
    server.call("abort_job", id=job_id)
