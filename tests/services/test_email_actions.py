"""The action `email`: who gets it, what it says, what the job learns of it."""

import re

import pytest

from models.database import db
from models.user import User
from services import email_actions, smtp
from services.errand import Errand
from tests.factories import job_document, stored_event
from tests.smtp_sink import Behaviour, Sink

ENDED = {"state": "complete", "started": 1_764_000_000.0, "completed": 1_764_000_090.0}
ENDED |= {"elapsed": 90.0, "code": 0, "description": ""}


@pytest.fixture
def behaviour():
    return Behaviour()


@pytest.fixture
def sink(app, behaviour):
    with Sink(behaviour) as sink:
        app.config.update(SMTP_HOST="localhost", SMTP_PORT=sink.port, SMTP_TLS="none")
        app.config.update(MAIL_FROM="jobs@sender.example", BASE_URL="https://jobs.example")
        yield sink
        smtp.connections_to(smtp.Server.of(app.config)).close()


def user(name, **changes):
    document = {"username": name, "email": f"{name}@example.com", "active": 1, **changes}
    db.write(lambda connection: User.add(connection, document, "x"))


def errand(app, action, condition="success", **job):
    event = stored_event(title="Pack a folder")
    document = job_document("j1", event=event["id"], **ENDED) | job
    return Errand("x1", condition, {"type": "email", **action}, document, app.config)


def send(app, condition="success", **job):
    return email_actions.send(errand(app, {"users": [], "email": "a@b.c"}, condition, **job))


def text_of(sink):
    return sink.mails[-1].message.get_body(("plain",)).get_content()


def html_of(sink):
    return sink.mails[-1].message.get_body(("html",)).get_content()


def test_users_and_addresses_get_it_once_each(app, sink):
    user("ann")
    user("bob", email="")
    user("carl", active=0)
    action = {"users": ["Ann", "bob", "carl", "nosuch", 5], "email": "x@y.z, ANN@example.com ,"}
    outcome = email_actions.send(errand(app, action))
    assert outcome.texts == ["Sending email notification to: ann@example.com, x@y.z"]
    description = "Email sent successfully to: ann@example.com, x@y.z"
    assert outcome.result == {"code": 0, "description": description}
    assert sink.mails[0].recipients == ["ann@example.com", "x@y.z"]
    assert sink.mails[0].message["Message-ID"] == "<x1@sender.example>"


@pytest.mark.parametrize(
    "action",
    [{}, {"users": [], "email": ""}, {"users": "ann", "email": 5}, {"users": ["nosuch"]}],
)
def test_nobody_to_write_to_is_no_failure(app, sink, action):
    outcome = email_actions.send(errand(app, action))
    assert outcome.result == {"code": 0, "description": "No recipients for email (skipping)"}
    assert outcome.texts == []
    assert sink.sessions == 0


def test_without_a_mail_server_the_action_says_so(app):
    assert send(app).result == {
        "code": "email",
        "description": "Failed to send e-mail: a@b.c: "
        "no mail server is configured (SWITCHYARD_SMTP_HOST)",
    }


def test_a_refused_recipient_is_named_and_the_others_too(app, sink, behaviour):
    behaviour.recipients = {"d@e.f": "550 no such user"}
    outcome = email_actions.send(errand(app, {"users": [], "email": "a@b.c,d@e.f"}))
    assert outcome.result == {
        "code": "email",
        "description": "Failed to send e-mail: d@e.f: 550 no such user",
        "details": "- **Sent to:** a@b.c\n- **Not sent to:** d@e.f: 550 no such user\n",
    }
    assert sink.mails[0].recipients == ["a@b.c"]


def test_a_mail_tells_what_happened_and_where_to_look(app, sink):
    send(app, label="nightly", tags=["t1"], username="ann", source="user")
    assert sink.mails[0].message["Subject"] == "Job completed successfully: Pack a folder"
    text = text_of(sink)
    for line in (
        r"Label: +nightly",
        r"Job id: +j1",
        r"Plugin: +Shell",
        r"Run by: +ann \(user\)",
        r"Tags: +t1",
        r"Took: +1 minute, 30 seconds",
        r"Result: +Success",
        r"Job: https://jobs\.example/#Job\?id=j1",
        r"Log: https://jobs\.example/api/app/view_job_log/v1\?id=j1&t=[\w-]{22}",
    ):
        assert re.search(f"^{line}", text, re.MULTILINE), line
    assert "Description:" not in text
    assert 'href="https://jobs.example/#Job?id=j1"' in html_of(sink)


def test_the_link_to_the_log_opens_it(app, sink):
    send(app)
    (link,) = re.findall(r"^Log: https://jobs\.example(\S+)", text_of(sink), re.MULTILINE)
    reply = app.test_client().get(link)
    assert reply.text == "Job record not found: j1"


@pytest.mark.parametrize(
    ("condition", "job", "head"),
    [
        ("start", {"state": "starting"}, "Job started"),
        ("complete", {}, "Job completed successfully"),
        ("error", {"code": 5}, "Job failed"),
        ("user", {"code": "oops"}, "Job failed"),
        ("warning", {"code": "warning"}, "Job ended with a warning"),
        ("critical", {"code": "critical"}, "Job failed critically"),
        ("tag:x", {"code": "abort", "suspended": True}, "Job was aborted"),
        ("instant", {"state": "active"}, "Job is in progress"),
        ("limited", {"state": "active"}, "Job is over a limit"),
        ("suspended", {}, "Job is suspended and requires human intervention"),
    ],
)
def test_the_subject_says_what_has_happened(app, sink, condition, job, head):
    send(app, condition, **job)
    assert sink.mails[0].message["Subject"] == f"{head}: Pack a folder"


def test_a_failure_is_described_and_a_limit_quoted(app, sink):
    send(app, "error", code=5, description="two\nlines <b>")
    assert re.search(r"^Description: +two\n +lines <b>$", text_of(sink), re.MULTILINE)
    assert "lines &lt;b&gt;" in html_of(sink)
    limit = {"type": "time", "users": [], "email": "a@b.c", "msg": "Job took < too long."}
    email_actions.send(errand(app, limit, "limited", state="active"))
    assert "\n\nJob took < too long.\n\n" in text_of(sink)
    assert "<p>Job took &lt; too long.</p>" in html_of(sink)
    # Only limits speak by `msg`.
    email_actions.send(errand(app, limit))
    assert "too long" not in text_of(sink)


def test_texts_from_jobs_can_not_take_over_a_mail(app, sink):
    evil = "x\r\nBcc: eve@example.com\r\n\r\n<script>{{ id }}</script>\x1b[31m\u202e"
    job = {"label": evil, "description": evil * 1000, "code": evil, "username": evil}
    values = errand(app, {"users": [], "email": "a@b.c"}, "error", **job, event=evil)
    outcome = email_actions.send(values)
    assert outcome.result["code"] == 0
    (got,) = sink.mails
    assert got.recipients == ["a@b.c"]
    assert got.message["Bcc"] is None
    assert "{{ id }}" in got.message["Subject"]
    assert "<script>" not in html_of(sink)
    for char in "\x1b\u202e\r":
        assert char not in text_of(sink)
    assert len(got.data) < 30_000
