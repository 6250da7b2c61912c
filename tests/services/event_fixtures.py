"""An application with the stock records, and callers with and without privileges."""

import os

import pytest

from app import create_app
from models.database import db
from services import stock
from services.access import Caller, Privilege

ADMIN = Caller("kadmin", "ann", "Admin", is_key=True, privileges=frozenset({Privilege.ADMIN}))
EDITOR = Caller("keditor", "bob", "Editor", is_key=True, privileges=frozenset())

SCRIPT = "#!/bin/sh\necho hello\n"


def new_event(**changes):
    """What a client sends to create an event."""
    return {
        "title": "Backup",
        "enabled": True,
        "category": "general",
        "targets": ["main"],
        "algo": "random",
        "plugin": "shellplug",
        "params": {"script": SCRIPT},
        "triggers": [{"type": "manual", "enabled": True}],
    } | changes


@pytest.fixture
def app(tmp_path):
    """An application whose database has the stock records."""
    app = create_app({"INSTANCE_PATH": tmp_path})
    with app.app_context():
        db.create_all()
        db.write(lambda connection: stock.seed(connection, app.config))
        yield app
        db.engine.dispose()
    if ringer := app.extensions.pop("switchyard_ringer", None):
        ringer._socket.close()
        os.close(ringer._folder)
