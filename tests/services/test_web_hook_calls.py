"""Firing web hooks: what is sent, when it is sent again, and what the job is told."""

import itertools

import pytest

from core import json
from models.database import db
from models.web_hook import WebHook
from services import web_hook_calls
from services.errand import Errand
from services.web_hook_calls import fire_for, sample_job
from tests.plugins.servers import Server, free_port

_numbers = itertools.count()


@pytest.fixture
def server():
    with Server() as server:
        yield server


@pytest.fixture
def no_pauses(monkeypatch):
    pauses = []
    monkeypatch.setattr(web_hook_calls.time, "sleep", pauses.append)
    return pauses


@pytest.fixture
def fire(app):
    """Fires a hook with these properties for a job with those."""

    def work(url, condition="success", job=None, action=None, **hook):
        record = {"id": f"w{next(_numbers)}", "title": "x", "enabled": True, "url": url, **hook}
        db.write(lambda connection: WebHook.insert(connection, record))
        action = {"type": "web_hook", "web_hook": record["id"], **(action or {})}
        return fire_for(Errand("a1", condition, action, sample_job() | (job or {}), app.config))

    return work


def test_a_hook_sends_what_it_says_with_its_macros_replaced(server, fire):
    outcome = fire(
        f"{server.url}/echo?code={{{{ job.code }}}}",
        method="PUT",
        headers=[{"name": "X-Job", "value": "{{ job.id }}"}],
        body='{"text": "{{ text }}", "missing": "{{ job.nosuch }}"}',
    )
    [(method, path, headers, body)] = server.requests
    assert (method, path, headers["x-job"]) == ("PUT", "/echo?code=0", "jsample")
    assert json.loads(body)["text"].startswith("xyOps Job completed successfully on ")
    assert json.loads(body)["missing"] == "N/A"
    assert outcome.result["code"] == 0
    assert outcome.result["description"] == "Success (HTTP 200 OK)"
    assert outcome.texts[0].startswith("Firing web hook: #w")


def test_a_repeat_can_be_told_by_its_key(server, fire):
    fire(f"{server.url}/echo")
    fire(f"{server.url}/echo")
    assert [request[2]["idempotency-key"] for request in server.requests] == ["a1", "a1"]


@pytest.mark.parametrize(
    ("condition", "job", "action", "text"),
    [
        ("start", {"state": "starting"}, {}, "Job started on "),
        ("complete", {}, {}, "Job completed successfully on "),
        ("error", {"code": 5, "description": "Oops"}, {}, ": Error (5): Oops: http"),
        ("instant", {"state": "active", "complete": True}, {}, "Job is in progress on "),
        ("start", {"suspended": True}, {}, "Job started on "),
        ("suspended", {"suspended": True}, {}, "Job is suspended and requires human intervention"),
        ("success", {"suspended": True}, {}, "Job completed successfully on "),
        ("limited", {"state": "active"}, {"msg": "Too slow."}, "xyOps Too slow.: http"),
    ],
)
def test_the_text_says_what_happened(server, fire, condition, job, action, text):
    fire(f"{server.url}/echo", condition, job, action, body="{{ text }}")
    sent = server.requests[0][3].decode()
    assert text in sent
    assert "/#Job?id=jsample" in sent


def test_what_a_job_says_can_not_ask_for_more(server, fire):
    fire(f"{server.url}/echo", job={"description": "{{ job.id }}"}, body="{{ job.description }}")
    assert server.requests[0][3] == b"{{ job.id }}"


def test_a_job_can_not_add_headers(server, fire):
    hook = [{"name": "X-Label", "value": "{{ job.label }}"}]
    fire(f"{server.url}/echo", job={"label": "a\r\nX-Evil: 1"}, headers=hook)
    assert server.requests[0][2]["x-label"] == "a X-Evil: 1"


@pytest.mark.parametrize(
    "files", ["x", 5, ["a.txt", None, [1], {"path": None}, {"path": "files/a"}]]
)
def test_files_are_whatever_a_plugin_named(server, fire, files):
    fire(f"{server.url}/echo", job={"files": files}, body="{{ links.job_files }}")
    shown = server.requests[0][3].decode()
    assert shown.endswith("/files/a") if isinstance(files, list) else shown == "(None)"


def test_tokens_of_magic_links_are_not_sent(app, server, fire):
    fire(f"{server.url}/echo", body="{{ event }}")
    assert b"token" not in server.requests[0][3]


def test_an_error_status_is_an_error(server, fire):
    outcome = fire(f"{server.url}/missing")
    assert outcome.result["code"] == "webhook"
    assert outcome.result["description"] == "Error: HTTP 404 Not Found"
    assert "no such thing" in outcome.result["details"]


def test_failures_are_tried_again_with_growing_pauses(server, fire, no_pauses):
    outcome = fire(f"{server.url}/status?status=503", retries=3)
    assert outcome.result["description"] == "Error: HTTP 503 Service Unavailable"
    assert len(server.requests) == 4
    assert no_pauses == [1.0, 2.0, 5.0]


def test_who_is_not_there_is_tried_again_too(fire, no_pauses):
    outcome = fire(f"http://127.0.0.1:{free_port()}/", retries=1)
    assert outcome.result["code"] == "webhook"
    assert outcome.result["description"] == "Error: Failed to connect to host: 127.0.0.1"
    assert no_pauses == [1.0]


def test_what_will_not_change_is_not_tried_again(server, fire, no_pauses):
    fire(f"{server.url}/missing", retries=3)
    assert len(server.requests) == 1


def test_credentials_are_hidden_in_the_details(server, fire):
    hook = [{"name": "Authorization", "value": "Bearer very-secret"}]
    outcome = fire(f"{server.url}/text", headers=hook)
    assert server.requests[0][2]["authorization"] == "Bearer very-secret"
    assert "Authorization: ****" in outcome.result["details"]
    assert "very-secret" not in json.dumps(outcome.result)


def test_a_hook_that_is_missing_or_disabled_is_named(app, fire):
    action = {"type": "web_hook", "web_hook": "wnosuch"}
    outcome = fire_for(Errand("a1", "success", action, sample_job(), app.config))
    text = "Error: Web Hook not found: wnosuch"
    assert outcome.result == {"code": "webhook", "description": text}
    disabled = fire("http://127.0.0.1:9/", enabled=False)
    assert disabled.result["description"].startswith("Error: Web Hook is disabled: w")


def test_a_hook_fires_so_often_a_day(app, server, fire):
    hook = {"id": "wdaily", "title": "x", "enabled": True, "url": f"{server.url}/text"}
    db.write(lambda connection: WebHook.insert(connection, {**hook, "max_per_day": 2}))
    told = []
    # The repeat of an errand is no other use.
    for errand_id in ("a1", "a1", "a2", "a3"):
        errand = Errand(errand_id, "success", {"web_hook": "wdaily"}, sample_job(), app.config)
        told.append(fire_for(errand).result["description"])
    text = "Error: Web Hook has reached maximum daily limit: wdaily (2/day)"
    assert told == ["Success (HTTP 200 OK)"] * 3 + [text]
    assert len(server.requests) == 3
