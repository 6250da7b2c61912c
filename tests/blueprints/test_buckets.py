"""The endpoints of buckets; what they share with other records is in test_catalogue.py."""

import pytest

from engine import sweep
from models.database import db
from models.transaction import Search, Transaction
from tests import factories
from tests.blueprints.api import assert_error, multipart


@pytest.fixture
def bucket(call):
    reply = call("create_bucket", {"id": "b1", "title": "Shared", "data": {"a": 1, "b": [2]}})
    assert reply.json["bucket"].items() >= {"enabled": True, "title": "Shared"}.items()
    assert "data" not in reply.json["bucket"]
    return "b1"


def upload(call, *files):
    parts = [(f"file{number}", *file) for number, file in enumerate(files)]
    return call("upload_bucket_files", query_string={"id": "b1"}, **multipart(*parts))


def inside(call):
    reply = call("get_bucket", {"id": "b1"}).json
    return reply["data"], reply["files"]


def names_of(call):
    return [file["filename"] for file in inside(call)[1]]


def content(call, path):
    return call.client.get(f"/{path}").data


def last_action():
    [number] = db.read(lambda connection: Transaction.search(connection, Search(), 0, 1))[0]
    return db.read(lambda connection: Transaction.load(connection, [number]))[0]["action"]


def test_data_is_set_member_by_member_or_replaced(call, bucket):
    call("write_bucket_data", {"id": "b1", "data": {"b": 3, "c": None}})
    assert inside(call) == ({"a": 1, "b": 3, "c": None}, [])
    call("update_bucket", {"id": "b1", "title": "New"})
    assert inside(call)[0] == {"a": 1, "b": 3, "c": None}
    call("update_bucket", {"id": "b1", "data": {"d": 4}})
    assert inside(call)[0] == {"d": 4}
    assert "data" not in call("get_buckets").json["rows"][0]


def test_files_are_put_in_replaced_and_taken_out(app, call, bucket):
    assert upload(call, ("a.txt", b"first"), ("b.txt", b"other")).json == {"code": 0}
    assert last_action() == "bucket_upload"
    assert names_of(call) == ["a.txt", "b.txt"]
    old = inside(call)[1][0]
    assert old.items() >= {"size": 5, "username": "admin"}.items()
    upload(call, ("a.txt", b"second"), ("a.txt", b"third"))
    assert names_of(call) == ["b.txt", "a.txt"]
    assert content(call, inside(call)[1][1]["path"]) == b"third"
    assert call("delete_bucket_file", {"id": "b1", "filename": "b.txt"}).json == {"code": 0}
    assert last_action() == "bucket_delete_file"
    assert names_of(call) == ["a.txt"]
    sweep.expire(app.config["INSTANCE_PATH"])
    stored = list(app.config["INSTANCE_PATH"].glob("files/bucket_b1/*/*"))
    assert [path.read_bytes() for path in stored] == [b"third"]
    assert content(call, old["path"]) != b"first"


def test_a_deleted_bucket_takes_its_files_along(app, call, bucket):
    upload(call, ("a.txt", b"first"))
    call("delete_bucket", {"id": "b1"})
    sweep.expire(app.config["INSTANCE_PATH"])
    assert list(app.config["INSTANCE_PATH"].glob("files/bucket_b1/*/*")) == []


def test_files_for_no_bucket_are_not_kept(app, call):
    assert_error(upload(call, ("a.txt", b"x")), 404, "bucket", "Failed to upload to bucket")
    assert list(app.config["INSTANCE_PATH"].glob("files/bucket_b1/*/*")) == []
    reply = call("delete_bucket_file", {"id": "b1", "filename": "x"})
    assert_error(reply, 404, "bucket", "Failed to delete a file of bucket")
    reply = call("write_bucket_data", {"id": "b1", "data": {}})
    assert_error(reply, 404, "bucket", "Failed to write bucket")


def test_a_file_that_is_not_there_can_not_be_taken_out(call, bucket):
    reply = call("delete_bucket_file", {"id": "b1", "filename": "x"})
    assert_error(reply, 404, "bucket", "Bucket file not found: x")


@pytest.mark.parametrize("data", ["x", 5, [1], True])
def test_data_has_to_be_an_object(call, bucket, data):
    text = "Malformed bucket parameter: data (must be an object)"
    for name in ("write_bucket_data", "update_bucket"):
        assert_error(call(name, {"id": "b1", "data": data}), 400, "api", text)
    assert_error(call("create_bucket", {"title": "x", "data": data}), 400, "api", text)
    assert inside(call)[0] == {"a": 1, "b": [2]}


def test_data_has_a_limit(call, bucket, monkeypatch):
    monkeypatch.setattr("services.buckets._MOST_DATA_CHARS", 100)
    reply = call("write_bucket_data", {"id": "b1", "data": {"x": "y" * 100}})
    assert_error(reply, 400, "bucket", "Bucket data would be larger than 100 bytes")


def test_a_file_that_a_live_job_has_stays_for_it(app, call, bucket):
    upload(call, ("a.txt", b"first"))
    [file] = inside(call)[1]
    event = factories.stored_event(id="e1")
    run = call("run_event", {"id": event["id"], "input": {"files": [{**file, "bucket": "b1"}]}})
    assert run.json["code"] == 0
    call("delete_bucket", {"id": "b1"})
    sweep.expire(app.config["INSTANCE_PATH"])
    assert content(call, file["path"]) == b"first"
