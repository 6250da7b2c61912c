"""Every row of the table of actions: what the job's log and the action say of each outcome."""

from dataclasses import dataclass, field
from typing import Any

import pytest

from engine import actions
from engine.performers import PERFORMERS
from models.channel import Channel
from models.database import db
from models.event import Event
from models.plugin import Plugin
from models.web_hook import WebHook
from schemas.actions import SCHEMAS
from services import daily_counts, smtp
from services.buckets import buckets
from services.errand import Errand, Ran
from tests import factories
from tests.plugins.servers import Server
from tests.smtp_sink import Behaviour, Sink

pytestmark = pytest.mark.databases("sqlite")

BUCKET = {"bucket_id": "b1", "bucket_sync": "data_and_files"}


@dataclass(frozen=True)
class Row:
    """An action, and what is said of it; `{hook}` and `{child}` are made up anew each time."""

    type: str
    code: int | str
    description: str
    texts: tuple[str, ...] = ()
    action: dict[str, Any] = field(default_factory=dict)
    job: dict[str, Any] = field(default_factory=dict)


def row(kind, code, description, *texts, job=None, **action):
    return Row(kind, code, description, texts, action, job or {})


TO = "Sending email notification to: a@b.c"
ROWS = [
    row("email", 0, "Email sent successfully to: a@b.c", TO, email="a@b.c"),
    row("email", 0, "No recipients for email (skipping)", users=["nobody"]),
    row(
        "email",
        "email",
        "Failed to send e-mail: no@b.c: 550 no such user",
        "Sending email notification to: no@b.c",
        email="no@b.c",
    ),
    row("web_hook", 0, "Success (HTTP 200 OK)", "Firing web hook: #w1", web_hook="w1"),
    row(
        "web_hook",
        "webhook",
        "Error: HTTP 404 Not Found",
        "Firing web hook: #w404",
        web_hook="w404",
    ),
    row(
        "web_hook",
        "webhook",
        "Error: Web Hook not found: wx",
        "Firing web hook: #wx",
        web_hook="wx",
    ),
    row(
        "web_hook",
        "webhook",
        "Error: Web Hook is disabled: woff",
        "Firing web hook: #woff",
        web_hook="woff",
    ),
    row(
        "web_hook",
        "webhook",
        "Error: Web Hook has reached maximum daily limit: wfull (1/day)",
        "Firing web hook: #wfull",
        web_hook="wfull",
    ),
    row(
        "run_event",
        0,
        "Successfully launched job: {child}",
        "Running custom event: Target",
        event_id="etarget",
    ),
    row("run_event", "event", "Event not found: enone", event_id="enone"),
    row(
        "run_event",
        "event",
        "Event does not allow manual job runs: eauto",
        "Running custom event: Auto",
        event_id="eauto",
    ),
    row(
        "channel",
        0,
        "Successfully notified channel: n1",
        "Notifying channel: Team",
        channel_id="n1",
    ),
    row("channel", "channel", "Notification Channel not found: nx", channel_id="nx"),
    row("channel", "channel", "Notification Channel is disabled: noff", channel_id="noff"),
    row(
        "channel",
        "channel",
        "Notification Channel has reached maximum daily limit: nfull (1/day)",
        channel_id="nfull",
    ),
    row(
        "snapshot",
        0,
        "Succesfully took snapshot of server: s1",
        "Taking snapshot of server: #s1",
        job={"server": "s1"},
    ),
    row("snapshot", "snapshot", "Failed to take snapshot: No server selected for job."),
    row("disable", 0, "Successfully disabled event.", "Disabling event for action"),
    row("delete", 0, "Successfully deleted event.", "Deleting event for action"),
    row("tag", 0, "Successfully added tags.", "Adding tags to job: {a, b}", tags=["a", "b"]),
    row(
        "label",
        0,
        "Successfully applied label.",
        "Applying label to job: of n/a",
        label="of {{ nosuch }}",
    ),
    row(
        "suspend",
        0,
        "Skipped suspension due to job source: user",
        sources=["user"],
        job={"source": "user"},
    ),
    row(
        "store",
        0,
        "Successfully stored data and files in bucket.",
        "Storing data and files to bucket: Shared (#b1)",
        **BUCKET,
    ),
    row("store", "bucket", "Bucket not found: bx", **BUCKET | {"bucket_id": "bx"}),
    row(
        "store",
        "bucket",
        "Failed to store in bucket: No such file or directory",
        "Storing files to bucket: Shared (#b1)",
        **BUCKET | {"bucket_sync": "files"},
        job={"files": [{"path": "files/x", "filename": "x"}]},
    ),
    row(
        "fetch",
        0,
        "Successfully fetched data from bucket.",
        "Fetching data from bucket: Shared (#b1)",
        **BUCKET | {"bucket_sync": "data"},
    ),
    row("fetch", "bucket", "Bucket not found: bx", **BUCKET | {"bucket_id": "bx"}),
    row(
        "plugin",
        0,
        "Successfully ran Action Plugin",
        "Running custom action Plugin: #p1",
        plugin_id="p1",
    ),
    row(
        "plugin",
        "plugin",
        "Plugin not found: px",
        "Running custom action Plugin: #px",
        plugin_id="px",
    ),
    row(
        "plugin",
        "plugin",
        "Plugin is disabled: poff",
        "Running custom action Plugin: #poff",
        plugin_id="poff",
    ),
    row("ticket", "type", "Action type is not available yet: ticket"),
    row("dance", "type", "Unknown action type: dance"),
]


@pytest.fixture
def world(app):
    """What the rows name."""

    def add(connection):
        for table, records in records_of.items():
            for record in records:
                table.insert(connection, {"title": "x", "enabled": True, **record})

    hook = Server()
    with hook, Sink(Behaviour(recipients={"no@b.c": "550 no such user"})) as mails:
        app.config.update(SMTP_HOST="localhost", SMTP_PORT=mails.port, SMTP_TLS="none")
        records_of = {
            WebHook: [
                {"id": "w1", "url": f"{hook.url}/text"},
                {"id": "w404", "url": f"{hook.url}/missing"},
                {"id": "woff", "url": hook.url, "enabled": False},
                {"id": "wfull", "url": hook.url, "max_per_day": 1},
            ],
            Channel: [
                {"id": "n1", "title": "Team"},
                {"id": "noff", "enabled": False},
                {"id": "nfull", "max_per_day": 1},
            ],
            Plugin: [
                {"id": "p1", "type": "action", "command": "true"},
                {"id": "poff", "type": "action", "command": "true", "enabled": False},
            ],
            Event: [
                factories.event(id="etarget", title="Target"),
                factories.event(id="eauto", title="Auto", triggers=[]),
                factories.event(id="eown"),
            ],
        }
        db.write(add)
        buckets.create({"id": "b1", "title": "Shared"}, factories.ADMIN)
        daily_counts.take("x0", "web_hook", "wfull", 1)
        daily_counts.take("x0", "channel", "nfull", 1)
        yield app
        smtp.connections_to(smtp.Server.of(app.config)).close()


def outcome_of(app, row):
    """What the job's log says, and what the action says in the end."""
    job = factories.job_document(factories.add_job(event="eown"), event="eown", code=0, **row.job)
    action = {"enabled": True, "condition": "complete", "type": row.type, **row.action}
    current = actions.end(job | {"state": "complete", "actions": [action]})
    [done] = current.job["actions"]
    texts = [entry["msg"] for entry in current.entries]
    assert texts.pop(0) == f"Executing job complete action: {row.type}"
    if row.type not in PERFORMERS:
        return texts, done
    [claim] = current.claims
    errand = Errand("x1", claim.condition, claim.action, current.job, app.config, lambda *_: Ran())
    outcome = PERFORMERS[claim.type](errand)
    children = [child["id"] for child in outcome.job.get("jobs", [])]
    assert len(children) == (row.type == "run_event" and row.code == 0)
    return outcome.texts, done | outcome.result | {"children": children}


@pytest.mark.parametrize("row", ROWS, ids=lambda row: f"{row.type}-{row.code}")
def test_an_action_says_what_came_of_it(world, row):
    texts, done = outcome_of(world, row)
    child = (done.get("children") or [""])[0]
    assert (done["code"], done["description"]) == (row.code, row.description.format(child=child))
    assert tuple(texts) == row.texts


def test_every_type_of_action_has_a_row():
    assert SCHEMAS.keys() <= {row.type for row in ROWS}
    assert PERFORMERS.keys() <= {row.type for row in ROWS}
