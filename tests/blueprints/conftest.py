"""The API on a database of its own for each test, and callers with keys of all kinds."""

import pytest

from models.database import db
from services import api_keys, passwords
from services.access import OPERATOR
from tests import factories
from tests.blueprints.api import ADMIN_KEY, EVENT, Caller


@pytest.fixture(autouse=True)
def quick_passwords(monkeypatch):
    """Hashes that are made in no time."""
    hashed = passwords.generate_password_hash
    monkeypatch.setattr(
        passwords, "generate_password_hash", lambda text: hashed(text, "pbkdf2:sha256:1")
    )


@pytest.fixture
def app(tmp_path, template_database):
    settings = {
        "ADMIN_KEY": ADMIN_KEY,
        "MAX_JSON_BYTES": 1_000_000,
        "MAX_UPLOAD_BYTES": 2_000_000,
        "MIN_FREE_BYTES": 0,
    }
    with factories.application(tmp_path / "instance", template_database, **settings) as app:
        db.write(lambda connection: api_keys.ensure_admin(connection, app.config))
        yield app


@pytest.fixture
def call(app):
    """Calls as an administrator."""
    return Caller(app.test_client(), ADMIN_KEY)


@pytest.fixture
def nobody(app):
    """Calls without any key."""
    return Caller(app.test_client(), None)


@pytest.fixture
def make_key(app):
    """Makes a key with these properties and returns who calls with it."""

    def make(**properties):
        _, plain_key = api_keys.create({"title": "Test Key", **properties}, OPERATOR)
        return Caller(app.test_client(), plain_key)

    return make


@pytest.fixture
def live_job(app):
    """The id of a live job."""
    return factories.add_job(state="active")


@pytest.fixture
def job(live_job):
    """The id of a job that has ended."""
    factories.finish_job(live_job, log=b"hello\n")
    return live_job


@pytest.fixture
def event(call):
    """The id of an event that may be run."""
    reply = call("create_event", {"id": "etest", **EVENT})
    assert reply.status_code == 200, reply.text
    return "etest"
