"""An application with a database of its own for each test, and clients with keys of all kinds."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from flask import Flask

from app import create_app
from core.json import dumps
from models.database import db
from models.job import Job
from services import api_keys, stock
from services.access import OPERATOR
from services.job_views import split_record
from tests.blueprints.api import ADMIN_KEY, EVENT, Caller


@pytest.fixture
def app(tmp_path: Path) -> Iterator[Flask]:
    application = create_app(
        {
            "INSTANCE_PATH": tmp_path,
            "DATABASE_URL": f"sqlite:///{tmp_path}/test.db",
            "ADMIN_KEY": ADMIN_KEY,
            "MAX_JSON_BYTES": 1_000_000,
            "MAX_UPLOAD_BYTES": 2_000_000,
            "MIN_FREE_BYTES": 0,
        }
    )
    with application.app_context():
        db.create_all()
        settings = application.config
        db.write(lambda connection: stock.seed(connection, settings))
        db.write(lambda connection: api_keys.ensure_admin(connection, settings))
        yield application
        db.engine.dispose()


@pytest.fixture
def call(app: Flask) -> Caller:
    """Calls as an administrator."""
    return Caller(app.test_client(), ADMIN_KEY)


@pytest.fixture
def nobody(app: Flask) -> Caller:
    """Calls without any key."""
    return Caller(app.test_client(), None)


@pytest.fixture
def make_key(app: Flask):
    """Makes a key with these properties and returns who calls with it."""

    def make(**properties: Any) -> Caller:
        _, plain_key = api_keys.create({"title": "Test Key", **properties}, OPERATOR)
        return Caller(app.test_client(), plain_key)

    return make


@pytest.fixture
def add_job(app: Flask):
    """Adds a job, live or final, without an engine; returns its id."""

    def add(job_id: str = "jtest", *, final: bool = True, **properties: Any) -> str:
        document = {
            "id": job_id,
            "event": "etest",
            "category": "general",
            "targets": ["main"],
            "state": "complete" if final else "active",
            "started": 1000.5,
            "tags": [],
            "limits": [],
            "actions": [],
            **properties,
        }
        columns: dict[str, Any] = {"doc": dumps(document)}
        if final:
            head, heavy = split_record({"activity": [], **document})
            columns = {"head": dumps(head), "heavy": dumps(heavy), "code": "0"}
        db.write(
            lambda connection: Job.insert(
                connection,
                id=job_id,
                event=document["event"],
                state=document["state"],
                final=final,
                queue_key=f"{document['event']}--",
                started=document["started"],
                **columns,
            )
        )
        return job_id

    return add


@pytest.fixture
def event(call: Caller) -> str:
    """The id of an event that may be run."""
    reply = call("create_event", {"id": "etest", **EVENT})
    assert reply.status_code == 200, reply.text
    return "etest"
