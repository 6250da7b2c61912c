"""Channels: all that they name is told, whatever becomes of the others."""

import pytest

from models.channel import Channel
from models.database import db
from models.event import Event
from models.web_hook import WebHook
from services import channels, smtp
from services.errand import Errand
from services.web_hook_calls import sample_job
from tests import factories
from tests.plugins.servers import Server, free_port
from tests.smtp_sink import Behaviour, Sink


@pytest.fixture
def server():
    with Server() as server:
        yield server


@pytest.fixture
def notify(app):
    """Notifies a channel with these properties."""

    def work(**channel):
        record = {"id": "n1", "title": "Team", "enabled": True, **channel}
        db.write(lambda connection: Channel.insert(connection, record))
        return again()

    def again(errand_id="a1"):
        action = {"type": "channel", "channel_id": "n1"}
        return channels.notify(Errand(errand_id, "success", action, sample_job(), app.config))

    work.again = again
    return work


def add_hook(url):
    hook = {"id": "w1", "title": "x", "enabled": True, "url": url}
    db.write(lambda connection: WebHook.insert(connection, hook))


def test_a_channel_fires_its_hook_and_runs_its_event(notify, server):
    add_hook(f"{server.url}/text")
    event = factories.event(id="etold")
    db.write(lambda connection: Event.insert(connection, event))
    outcome = notify(web_hook="w1", run_event="etold")
    assert outcome.result["code"] == 0
    assert outcome.result["description"] == "Successfully notified channel: n1"
    assert "Success (HTTP 200 OK)" in outcome.result["details"]
    assert "Successfully launched job: j" in outcome.result["details"]
    assert outcome.texts[0] == "Notifying channel: Team"
    assert outcome.texts[-1] == "Firing web hook: #w1"
    [child] = outcome.job["jobs"]
    assert child["reason"] == "action"
    assert server.requests[0][2]["idempotency-key"] == "a1.web_hook"


def test_a_repeat_runs_the_event_once(notify):
    event = factories.event(id="etold")
    db.write(lambda connection: Event.insert(connection, event))
    first = notify(run_event="etold").job["jobs"]
    assert notify.again().job["jobs"] == first


def test_a_channel_writes_mail_that_says_what_it_is_about(app, notify):
    with Sink(Behaviour(recipients={"bob@x.y": "550 no such user"})) as sink:
        app.config.update(SMTP_HOST="127.0.0.1", SMTP_PORT=sink.port, SMTP_TLS="none")
        outcome = notify(email="ann@x.y, bob@x.y")
        again = notify.again()
        smtp.connections_to(smtp.Server.of(app.config)).close()
    assert outcome == again
    description = "Failed to send e-mail: bob@x.y: 550 no such user"
    assert outcome.result["description"] == description
    assert [mail.recipients for mail in sink.mails] == [["ann@x.y"]] * 2
    message = sink.mails[0].message
    assert message["Subject"] == "Job completed successfully: Sample Event"
    assert message["Message-ID"].startswith("<a1.users@")
    assert message["Message-ID"] == sink.mails[1].message["Message-ID"]


def test_who_can_not_be_reached_stops_nobody_else(notify, server):
    add_hook(f"http://127.0.0.1:{free_port()}/")
    event = factories.event(id="etold")
    db.write(lambda connection: Event.insert(connection, event))
    outcome = notify(email="ann@example.com", web_hook="w1", run_event="etold")
    assert outcome.result["code"] == "channel"
    assert outcome.result["description"].startswith("Failed to send e-mail: ann@example.com: ")
    assert len(outcome.job["jobs"]) == 1


def test_a_channel_that_is_missing_or_disabled_is_named(app, notify):
    text = "Notification Channel not found: n1"
    assert notify.again().result == {"code": "channel", "description": text}
    outcome = notify(enabled=False)
    assert outcome.result["description"] == "Notification Channel is disabled: n1"


def test_a_channel_is_used_so_often_a_day(notify):
    notify(max_per_day=2)
    assert notify.again("a2").result["code"] == 0
    text = "Notification Channel has reached maximum daily limit: n1 (2/day)"
    assert notify.again("a3").result == {"code": "channel", "description": text}


def test_a_new_channel_of_the_same_id_counts_anew(notify):
    notify(max_per_day=1)
    assert notify.again("a2").result["code"] == "channel"
    channels.channels.delete("n1", factories.ADMIN)
    assert notify(max_per_day=1).result["code"] == 0
