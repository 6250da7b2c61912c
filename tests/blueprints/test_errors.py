"""Errors that nobody planned: what the caller learns, and what the log keeps."""

import errno
import logging
import sqlite3

import pytest
from sqlalchemy.exc import OperationalError

from blueprints import errors
from core.errors import Conflict, Unavailable
from tests.blueprints.api import assert_error

pytestmark = pytest.mark.databases("sqlite")


@pytest.fixture
def raising(app):
    """Makes a route that raises; returns its path."""

    def make(error):
        def view():
            raise error

        app.view_functions["system.ping"] = lambda **_: view()
        return "/api/app/ping/v1"

    return make


def test_a_defect_is_logged_once_and_tells_the_caller_nothing(nobody, raising, caplog, monkeypatch):
    # Migrations, which made the tests' database, switch off all loggers that exist by then.
    monkeypatch.setattr(errors.logger, "disabled", False)
    path = raising(RuntimeError("the secret is 42"))
    reply = nobody(path)
    assert_error(reply, 500, "internal", "Internal server error")
    assert "42" not in reply.text
    records = [record for record in caplog.records if record.levelno >= logging.ERROR]
    assert len(records) == 1
    assert records[0].getMessage() == "GET /api/app/ping/v1 failed"
    assert "the secret is 42" in caplog.text
    assert "Traceback" in caplog.text


def test_a_defect_without_version_has_the_status_of_all_errors(nobody, raising):
    raising(RuntimeError("x"))
    assert_error(nobody("/api/app/ping"), 200, "internal", "Internal server error")


@pytest.mark.parametrize("text", ["database is locked", "database or disk is full"])
def test_a_database_in_passing_trouble_is_unavailable(nobody, raising, text):
    error = OperationalError("SELECT secret", {}, sqlite3.OperationalError(text))
    reply = nobody(raising(error))
    assert_error(reply, 503, "internal", "The database can't take this now.")
    assert int(reply.headers["Retry-After"]) > 0


def test_any_other_trouble_with_the_database_is_a_defect(nobody, raising):
    error = OperationalError("SELECT secret", {}, sqlite3.OperationalError("no such table: jobs"))
    reply = nobody(raising(error))
    assert_error(reply, 500, "internal", "Internal server error")
    assert "secret" not in reply.text


def test_a_full_disk_is_unavailable(nobody, raising):
    reply = nobody(raising(OSError(errno.ENOSPC, "No space left on device", "/secret/path")))
    assert_error(reply, 503, "internal", "The disk is full.")
    assert "Retry-After" in reply.headers
    assert "secret" not in reply.text


def test_any_other_error_of_the_system_is_a_defect(nobody, raising):
    assert_error(nobody(raising(OSError(errno.EIO, "x"))), 500, "internal", "Internal")


def test_an_error_brings_its_own_headers_code_and_status(nobody, raising):
    path = raising(Unavailable("Not now.", code="event", headers={"Retry-After": "30"}))
    reply = nobody(path)
    assert_error(reply, 503, "event", "Not now.")
    assert reply.headers["Retry-After"] == "30"
    assert_error(nobody(raising(Conflict("Busy.", code="job"))), 409, "job", "Busy.")


def test_markup_is_taken_out_of_descriptions(nobody, raising):
    reply = nobody(raising(Conflict("a <script>alert(1)</script> b <", code="job")))
    assert reply.json["description"] == "a alert(1) b <"
