"""Jobs whose work is to fire a web hook: who may have it fired, and for how long."""

import pytest

from core.errors import ApiError, BadRequest
from models.database import db
from models.job import Job
from models.web_hook import WebHook
from services import api_keys, hook_jobs, job_files, web_hook_calls
from tests import factories
from tests.plugins.servers import Server


@pytest.fixture
def server():
    with Server() as server:
        yield server


@pytest.fixture
def job(app, server):
    """A job that fires a hook which is tried again three times, once a day."""
    hook = {"id": "w1", "title": "x", "enabled": True, "url": f"{server.url}/status?status=503"}
    hook |= {"retries": 3, "max_per_day": 1}
    db.write(lambda connection: WebHook.insert(connection, hook))
    return hook_job()


def hook_job():
    params = {"web_hook": "w1"}
    return factories.add_job(state="active", command=hook_jobs.COMMAND, params=params)


def fire(job):
    return hook_jobs.fire(job, job_files.worker_token(job))


def test_an_aborted_jobs_hook_is_not_sent_again(job, server, monkeypatch):
    def abort(_seconds):
        db.write(lambda connection: Job.patch(connection, job, columns={"abort_reason": "x"}))

    monkeypatch.setattr(web_hook_calls.time, "sleep", abort)
    assert fire(job)["description"] == "Error: HTTP 503 Service Unavailable"
    assert len(server.requests) == 1


def test_a_job_counts_once_a_day_however_often_it_asks(job, server, monkeypatch):
    monkeypatch.setattr(web_hook_calls.time, "sleep", lambda _seconds: None)
    assert [fire(job)["description"] for _ in "ab"] == ["Error: HTTP 503 Service Unavailable"] * 2
    assert len(server.requests) == 8
    assert "has reached maximum daily limit: w1" in fire(hook_job())["description"]


def test_only_the_jobs_own_token_will_do(app, job, server):
    rights = {"title": "x", "privileges": {"admin": 1}}
    _, key = api_keys.create(rights, factories.ADMIN)
    for proof in ("wrong", key, job_files.worker_token(hook_job())):
        with pytest.raises(ApiError, match="Authentication failure"):
            hook_jobs.fire(job, proof)
    assert server.requests == []


def test_jobs_of_other_plugins_have_no_hook_to_fire(app):
    runner = factories.add_job(state="active", runner=True, params={"web_hook": "w1"})
    with pytest.raises(BadRequest, match="Job fires no web hook"):
        fire(runner)
