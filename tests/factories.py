"""Factories for tests: an application on a copied database, callers, events, jobs."""

import copy
import itertools
import os
import time
from contextlib import contextmanager
from pathlib import Path

from app import create_app
from core import clock, json
from core.ids import new_id
from models.database import close_database, db
from models.event import Event
from models.job import Job
from services import job_views
from services.access import Caller, Privilege
from tests.event_documents import RUNNABLE

ADMIN = Caller("kadmin", "ann", "Admin", is_key=True, privileges=frozenset({Privilege.ADMIN}))
NOBODY = Caller("knobody", "bob", "Nobody", is_key=True, privileges=frozenset())

_numbers = itertools.count(1)


def limited(*, categories=(), groups=(), privileges=()):
    """A caller who is limited to categories or groups."""
    return Caller(
        "klimited",
        "eve",
        "Limited",
        is_key=True,
        privileges=frozenset(privileges),
        categories=frozenset(categories),
        groups=frozenset(groups),
    )


@contextmanager
def application(instance: Path, template, **settings):
    """An application whose database is a copy of the template; its context is pushed."""
    instance.mkdir(parents=True, exist_ok=True)
    url = template.copy(instance)
    app = create_app({"INSTANCE_PATH": instance, "DATABASE_URL": url, **settings})
    with app.app_context():
        try:
            yield app
        finally:
            close(app)


def close(app):
    """Give back what an application opened."""
    follower = app.extensions.pop("switchyard_follower", None)
    if follower is not None:
        follower.close()
    close_database()
    ringer = app.extensions.pop("switchyard_ringer", None)
    if ringer is not None:
        ringer.close()


def make_old(path):
    """Let a file or folder look as if it was there since yesterday."""
    yesterday = time.time() - 86400
    os.utime(path, (yesterday, yesterday), follow_symlinks=False)


def event(**changes):
    """A new event's document, as it is stored."""
    number = next(_numbers)
    return {
        "id": f"e{number}",
        "title": f"Event {number}",
        **copy.deepcopy(RUNNABLE),
        "limits": [],
        "actions": [],
        "fields": [],
        "revision": 1,
    } | changes


def stored_event(**changes):
    """A new event in the database."""
    document = event(**changes)
    db.write(lambda connection: Event.insert(connection, document))
    return document


def job_document(job_id, **changes):
    """A live job's document, as `run_event` stores it."""
    now = clock.now()
    return {
        "id": job_id,
        "event": "e0",
        "category": "general",
        "targets": ["main"],
        "algo": "random",
        "plugin": "shellplug",
        "params": {"script": "#!/bin/sh\ntrue\n"},
        "limits": [],
        "actions": [],
        "tags": [],
        "env": {},
        "source": "key",
        "username": "kadmin",
        "started": now,
        "now": now,
        "log_file_size": 0,
        "command": "[shell-plugin]",
        "script": "",
        "uid": "",
        "gid": "",
        "kill": "all",
    } | changes


def stored_job(connection, *, state="ready", columns=None, job_input=None, **changes):
    """Insert a live job; returns its id. `changes` go into its document."""
    job_id = new_id("j")
    doc = job_document(job_id, state=state, **changes)
    values = {
        "id": job_id,
        "event": doc["event"],
        "state": state,
        "final": 0,
        "queue_key": f"{doc['event']}--",
        "rank": 0 if doc.get("priority") else 1,
        "started": doc["started"],
        "doc": json.dumps(doc),
        "activity": "[]",
        "input": json.dumps(job_input) if job_input else None,
    }
    Job.insert(connection, **(values | (columns or {})))
    return job_id


def add_job(**options):
    """`stored_job` in a transaction of its own."""
    return db.write(lambda connection: stored_job(connection, **options))


def load(job_id):
    """A job's row as it is now."""
    return db.read(lambda connection: Job.load(connection, job_id))


def finish_job(job_id, *, log=None, **changes):
    """Turn a live job into a record, with `log` in its row."""
    db.write(lambda connection: finish_in(connection, job_id, log=log, **changes))


def finish_in(connection, job_id, *, log=None, **changes):
    """`finish_job` in a transaction that is under way."""
    row = Job.load(connection, job_id)
    document = json.loads(row.doc) | {"state": "complete", "code": 0, "complete": True}
    document |= {"activity": [], "completed": clock.now(), "final": True, **changes}
    document["log_file_size"] = len(log or b"")
    head, heavy = job_views.split_record(document)
    Job.finalize(
        connection,
        row,
        head,
        heavy,
        log_head=log or b"",
        code=str(document["code"]),
        log_size=len(log or b""),
        log_form="row" if log else "none",
        log=log,
        revision=row.revision + 1,
    )
