"""Who gets which secrets."""

import pytest

from core.sealing import SealError
from models.database import db
from models.secret import Secret
from services import secrets
from services.web_hook_calls import try_out
from tests.factories import ADMIN
from tests.plugins.servers import Server

JOB = {"event": "e1", "category": "c1", "plugin": "p1"}


def add(secret, **owners):
    fields = [{"name": "NAME", "value": f"of {secret}"}, {"name": secret.upper(), "value": "x" * 9}]
    record = {"id": secret, "title": "x", "fields": fields, **owners}
    secrets.secrets.create(record, ADMIN)


def of_job(app):
    def read(connection):
        return secrets.of_job(connection, Secret.all(connection), JOB, app.config)

    return db.read(read)


def test_a_job_gets_what_is_assigned_to_its_event_category_and_plugin(app):
    add("other", events=["e2"], categories=["c2"], plugins=["p2"], web_hooks=["e1"])
    assert of_job(app) == {}
    add("plugin", plugins=["p2", "p1"])
    add("category", categories=["c1"])
    add("event", events=["e1"])
    found = of_job(app)
    assert found.keys() == {"NAME", "PLUGIN", "CATEGORY", "EVENT"}
    assert found["NAME"] == "of plugin"


def test_a_disabled_secret_is_given_to_nobody(app):
    add("event", events=["e1"], enabled=False)
    assert of_job(app) == {}


def test_a_secret_that_can_not_be_unsealed_is_named(app):
    add("event", events=["e1"])
    app.config["VAULT_KEY"] = b"another one"
    with pytest.raises(SealError, match="Failed to decrypt secret: #event: Sealed with another"):
        of_job(app)


def test_a_web_hook_may_use_its_secrets_but_shows_them_nowhere(app):
    add("hook", web_hooks=["w1"])
    with Server() as server:
        hook = {"url": f"{server.url}/echo?{{{{ secrets.HOOK }}}}", "method": "POST"}
        hook["headers"] = [{"name": "X-Token", "value": "{{ secrets.NAME }}"}]
        result = try_out(hook | {"id": "w1", "body": "{{ secrets.NAME }}"}, app.config, "k")
        [(_, path, headers, body)] = server.requests
        assert (path, headers["x-token"], body) == ("/echo?xxxxxxxxx", "of hook", b"of hook")
        assert "of hook" not in str(result)
        assert "xxxxxxxxx" not in str(result)
        try_out(hook | {"id": "w2", "body": "{{ secrets.NAME }}"}, app.config, "k")
        assert server.requests[-1][3] == b"N/A"


def test_a_web_hook_without_its_secrets_is_not_fired(app):
    add("hook", web_hooks=["w1"])
    app.config["VAULT_KEY"] = b"another one"
    result = try_out({"id": "w1", "url": "http://127.0.0.1:9/"}, app.config, "k")
    text = "Error: Failed to decrypt secret: #hook: Sealed with another key"
    assert result == {"code": "webhook", "description": text}
