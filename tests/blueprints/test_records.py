"""Every endpoint that changes something leaves one record of it in the transaction log."""

import pytest

from blueprints.wire import endpoints
from core import clock
from models.database import db
from models.transaction import Search, Transaction
from tests import factories
from tests.blueprints.api import EVENT, multipart

PASSWORD = {"password": "correct horse"}
PLUGIN = {"type": "event", "command": "/bin/true"}
HOOK = {"title": "x", "url": "http://127.0.0.1:9/"}


def live(**columns):
    return factories.add_job(event="etest", state=columns.pop("state", "active"), columns=columns)


def ended(**changes):
    job = live()
    factories.finish_job(job, **changes)
    return job


def suspended():
    action = {"type": "suspend", "condition": "start", "enabled": True, "active": True}
    return factories.add_job(event="etest", state="starting", suspended=True, actions=[action])


def delayed():
    until = clock.now() + 600
    return live(state="start_delay", until=until)


def with_file(call):
    parts = multipart(("file1", "a.txt", b"12345"))
    (file,) = call("upload_job_input_files", **parts).json["files"]
    return {"id": ended(input={"files": [file]}), "path": file["path"]}


def new_key(call):
    return call("create_api_key", {"title": "x"}).json["api_key"]["id"]


def new_user(call):
    call("user/admin_create", {"username": "ann", **PASSWORD})
    return {"username": "ann"}


def record(call, kind, **more):
    """The id of a new record of this kind."""
    return {"id": call(f"create_{kind}", {"title": "x", **more}).json[kind]["id"]}


#: The body that makes each endpoint change something, and the action that is recorded.
CHANGES = {
    "create_event": (lambda call: EVENT, "event_create"),
    "update_event": (lambda call: {"id": "etest", "title": "x"}, "event_update"),
    "delete_event": (lambda call: {"id": "etest"}, "event_delete"),
    "abort_job": (lambda call: {"id": live()}, "job_abort"),
    "resume_job": (lambda call: {"id": suspended()}, "job_resume"),
    "delete_job": (lambda call: {"id": ended()}, "job_delete"),
    "update_job": (lambda call: {"id": ended(), "label": "x"}, "job_update"),
    "manage_job_tags": (lambda call: {"id": ended(), "tags": []}, "job_update_tags"),
    "manage_job_tickets": (lambda call: {"id": ended(), "tickets": []}, "job_update_tickets"),
    "flush_event_queue": (lambda call: {"id": "etest"}, "queue_flush"),
    "job_skip_delay": (lambda call: {"id": delayed()}, "job_skip_delay"),
    "delete_job_file": (with_file, "job_delete_file"),
    "upload_files": (None, "file_upload"),
    "upload_job_input_files": (None, "file_upload"),
    "create_api_key": (lambda call: {"title": "x"}, "apikey_create"),
    "update_api_key": (lambda call: {"id": new_key(call)}, "apikey_update"),
    "delete_api_key": (lambda call: {"id": new_key(call)}, "apikey_delete"),
    "create_category": (lambda call: {"title": "x"}, "category_create"),
    "update_category": (lambda call: {"id": "general"}, "category_update"),
    "multi_update_category": (
        lambda call: {"items": [{"id": "general"}]},
        "category_multi_update",
    ),
    "delete_category": (lambda call: record(call, "category"), "category_delete"),
    "create_tag": (lambda call: {"title": "x"}, "tag_create"),
    "update_tag": (lambda call: {"id": "flag"}, "tag_update"),
    "delete_tag": (lambda call: {"id": "flag"}, "tag_delete"),
    "create_plugin": (lambda call: {"title": "x", **PLUGIN}, "plugin_create"),
    "update_plugin": (lambda call: {"id": "testplug"}, "plugin_update"),
    "delete_plugin": (lambda call: {"id": "testplug"}, "plugin_delete"),
    "create_group": (lambda call: {"title": "x"}, "group_create"),
    "update_group": (lambda call: {"id": "main"}, "group_update"),
    "multi_update_groups": (lambda call: {"items": [{"id": "main"}]}, "group_multi_update"),
    "create_channel": (lambda call: {"title": "x"}, "channel_create"),
    "update_channel": (lambda call: record(call, "channel"), "channel_update"),
    "delete_channel": (lambda call: record(call, "channel"), "channel_delete"),
    "create_web_hook": (lambda call: HOOK, "web_hook_create"),
    "update_web_hook": (lambda call: record(call, "web_hook", url=HOOK["url"]), "web_hook_update"),
    "delete_web_hook": (lambda call: record(call, "web_hook", url=HOOK["url"]), "web_hook_delete"),
    "create_bucket": (lambda call: {"title": "x"}, "bucket_create"),
    "update_bucket": (lambda call: record(call, "bucket"), "bucket_update"),
    "write_bucket_data": (lambda call: {**record(call, "bucket"), "data": {}}, "bucket_write"),
    "delete_bucket": (lambda call: record(call, "bucket"), "bucket_delete"),
    "create_secret": (lambda call: {"title": "x"}, "secret_create"),
    "update_secret": (lambda call: record(call, "secret"), "secret_update"),
    "delete_secret": (lambda call: record(call, "secret"), "secret_delete"),
    "decrypt_secret": (lambda call: record(call, "secret"), "secret_decrypt"),
    "update_global_state": (lambda call: {"scheduler.enabled": False}, "state_update"),
    "import_crontab": (lambda call: {"crontab": "* * * * * true"}, "event_create"),
    "create_role": (lambda call: {"title": "x"}, "role_create"),
    "update_role": (lambda call: record(call, "role"), "role_update"),
    "delete_role": (lambda call: record(call, "role"), "role_delete"),
    "user/admin_create": (lambda call: {"username": "bob", **PASSWORD}, "user_create"),
    "user/admin_update": (new_user, "user_update"),
    "user/admin_delete": (new_user, "user_delete"),
    "delete_group": (lambda call: record(call, "group"), "group_delete"),
}
#: Endpoints with a privilege that need no record.
SILENT = {
    *("search_activity", "get_api_key", "get_api_keys"),
    *("user/admin_get_user", "user/admin_get_users"),
    # A job is its own record.
    "run_event",
    # They need a bucket with a file: test_buckets.py has them.
    *("upload_bucket_files", "delete_bucket_file"),
    # Nothing is changed by it.
    "test_web_hook",
}


@pytest.fixture
def recorded(call, event):
    """Calls an endpoint; returns the actions that were recorded meanwhile."""

    def records():
        return db.read(lambda connection: Transaction.search(connection, Search(), 0, 1000))[0]

    def act(name):
        make, _ = CHANGES[name]
        body = make(call) if make else None
        options = {} if make else multipart(("file1", "a.txt", b"12345"))
        before = records()
        reply = call(name, body, **options)
        assert reply.status_code == 200, reply.text
        new = [number for number in records() if number not in before]
        return db.read(lambda connection: Transaction.load(connection, new))

    return act


@pytest.mark.parametrize("name", CHANGES)
def test_a_change_is_recorded_once_with_who_and_from_where(recorded, name):
    (record,) = recorded(name)

    assert record["action"] == CHANGES[name][1]
    assert record["username"] == "kadmin"
    assert record["ip"] == "127.0.0.1"
    assert record["headers"]["host"] == "localhost"
    assert record["description"]


def test_every_endpoint_with_a_privilege_is_known_here(app):
    privileged = {name for name, endpoint in endpoints.items() if endpoint.privilege}

    assert privileged - CHANGES.keys() - SILENT == set()
    assert CHANGES.keys() | SILENT <= endpoints.keys()
