"""Mail about jobs: from the action to a mail server."""

from pathlib import Path

import pytest

from tests import databases
from tests.server import Server, messages
from tests.smtp_sink import Sink


@pytest.fixture(scope="module")
def sink():
    with Sink() as sink:
        yield sink


@pytest.fixture(scope="module")
def server(request, tmp_path_factory, sink):
    """A server that knows a mail server."""
    mail = {"SMTP_HOST": "127.0.0.1", "SMTP_PORT": sink.port, "SMTP_TLS": "none"}
    with databases.for_server(request.param) as settings:
        server = Server(tmp_path_factory.mktemp("mail"), **mail, **settings)
        try:
            yield server.start()
        finally:
            server.clear()


def mail_to(condition, address):
    return {
        "enabled": True,
        "condition": condition,
        "type": "email",
        "users": [],
        "email": address,
    }


def mails_to(sink, address):
    return [mail.message for mail in sink.mails if address in mail.recipients]


def test_a_job_writes_at_its_start_and_at_its_end(server, sink):
    actions = [mail_to("start", "start@x.y"), mail_to("success", "end@x.y")]
    job = server.run_and_wait(id=server.event(title="Übung", actions=actions))
    texts = messages(job)
    for condition, address, head in (
        ("start", "start@x.y", "Job started"),
        ("success", "end@x.y", "Job completed successfully"),
    ):
        told = texts.index(f"Executing job {condition} action: email")
        assert f"Sending email notification to: {address}" in texts[told:]
        (action,) = [item for item in job["actions"] if item.get("email") == address]
        assert action["code"] == 0
        assert action["description"] == f"Email sent successfully to: {address}"
        mail = mails_to(sink, address)[-1]
        assert mail["Subject"] == f"{head}: Übung"
        assert job["id"] in mail.get_body(("plain",)).get_content()


def test_a_limit_writes_what_it_has_to_say(server, sink):
    limit = {"type": "time", "enabled": True, "duration": 1, "abort": True, "email": "limit@x.y"}
    event = server.event("#!/bin/sh\nexec sleep 60\n", limits=[limit])
    job = server.run_and_wait(id=event)
    (limit,) = job["limits"]
    assert "Email sent successfully to: limit@x.y" in limit["details"]
    (mail,) = mails_to(sink, "limit@x.y")[-1:]
    assert mail["Subject"].startswith("Job is over a limit: ")
    assert limit["msg"] in mail.get_body(("plain",)).get_content()


def test_who_asks_to_be_notified_of_a_live_job_is(server, sink):
    ann = {"username": "ann", "password": "correct horse"}
    powers = {"email": "notify@x.y", "privileges": {"admin": 1}}
    assert server.client.post("/api/user/admin_create/v1", json=ann | powers).status_code == 200
    login = server.client_with(None).post("/api/user/login/v1", json=ann).json()
    session = {"X-Session-ID": login["session_id"], "X-CSRF-Token": login["csrf_token"]}
    job_id = server.run("#!/bin/sh\nmkfifo go\necho ready\nread -r x < go\n")
    server.wait_for_log(job_id, "ready")
    client = server.client_with(None)
    reply = server.post("job_toggle_notify_me", {"id": job_id}, client=client, headers=session)
    assert reply.json() == {"code": 0, "enabled": True}
    Path(server.job(job_id)["cwd"], "go").write_text("go\n")
    job = server.wait(job_id)
    assert "Email sent successfully to: notify@x.y" in [
        item.get("description") for item in job["actions"]
    ]
    assert job_id in mails_to(sink, "notify@x.y")[-1].get_body(("plain",)).get_content()
