"""Storing in buckets and fetching from them."""

import pytest

from core import stored_files
from models.bucket import BucketContents
from models.database import db
from services.bucket_actions import fetch, store
from services.buckets import buckets
from services.errand import Errand
from tests.factories import ADMIN, add_job


@pytest.fixture
def bucket(app):
    buckets.create({"id": "b1", "title": "Shared", "data": {"a": 1}}, ADMIN)
    return "b1"


@pytest.fixture
def job(app):
    """A job with two output files."""
    job_id = add_job(state="complete")
    work = app.config["INSTANCE_PATH"] / "runs" / job_id
    work.mkdir(parents=True)
    files = []
    for name in ("Report 1.txt", "b.csv"):
        (work / name).write_bytes(name.encode())
        stored = stored_files.adopt_file(app.config["INSTANCE_PATH"], job_id, work / name, name)
        files.append({"filename": stored.filename, "path": stored.path, "size": stored.size})
    return {"id": job_id, "files": files, "data": {"b": 2}}


def errand(app, job, sync="data_and_files", **action):
    action = {"type": "x", "bucket_id": "b1", "bucket_sync": sync, **action}
    return Errand("x1", "complete", action, job, app.config)


def inside():
    return db.read(lambda connection: BucketContents.get(connection, "b1"))


def read(app, path):
    return (app.config["INSTANCE_PATH"] / path).read_bytes()


def test_data_and_files_are_stored_and_a_repeat_changes_nothing(app, bucket, job):
    for _ in range(2):
        outcome = store(errand(app, job))
        assert outcome.texts == ["Storing data and files to bucket: Shared (#b1)"]
        text = "Successfully stored data and files in bucket."
        assert outcome.result.items() >= {"code": 0, "description": text}.items()
        data, files = inside()
        assert data == {"a": 1, "b": 2}
        assert [file["filename"] for file in files] == ["Report 1.txt", "b.csv"]
        assert read(app, files[0]["path"]) == b"Report 1.txt"
    stored_files.delete_of_job(app.config["INSTANCE_PATH"], job["id"])
    assert read(app, inside()[1][0]["path"]) == b"Report 1.txt"


@pytest.mark.parametrize(
    ("sync", "glob", "data", "names"),
    [
        ("data", "*", {"a": 1, "b": 2}, []),
        ("files", "*.csv", {"a": 1}, ["b.csv"]),
        ("files", "*.zip", {"a": 1}, []),
    ],
)
def test_an_action_says_what_is_stored(app, bucket, job, sync, glob, data, names):
    store(errand(app, job, sync, bucket_glob=glob))
    assert inside()[0] == data
    assert [file["filename"] for file in inside()[1]] == names


def test_what_is_fetched_becomes_input(app, bucket, job):
    store(errand(app, job))
    outcome = fetch(errand(app, {"id": add_job()}, bucket_glob="b*"))
    assert outcome.texts == ["Fetching data and files from bucket: Shared (#b1)"]
    assert outcome.result["description"] == "Successfully fetched data and files from bucket."
    [file] = outcome.job["input"]["files"]
    assert (file["filename"], file["bucket"]) == ("b.csv", "b1")
    assert outcome.job["input"]["data"] == {"a": 1, "b": 2}


def test_a_retry_gets_no_file_twice(app, bucket, job):
    store(errand(app, job))
    again = {"id": add_job(), "input": fetch(errand(app, {"id": add_job()})).job["input"]}
    assert fetch(errand(app, again)).job["input"]["files"] == []
    assert fetch(errand(app, again, "data")).job["input"] == {"data": inside()[0], "files": []}


def test_a_bucket_that_is_not_there_is_named(app, job):
    for work in (store, fetch):
        outcome = work(errand(app, job))
        assert outcome.result == {"code": "bucket", "description": "Bucket not found: b1"}


def test_a_file_that_is_gone_is_an_error_and_nothing_is_stored(app, bucket, job):
    stored_files.delete_file(app.config["INSTANCE_PATH"], job["files"][1]["path"])
    outcome = store(errand(app, job))
    text = "Failed to store in bucket: No such file or directory"
    assert outcome.result == {"code": "bucket", "description": text}
    assert inside() == ({"a": 1}, [])
    assert list(app.config["INSTANCE_PATH"].glob("files/bucket_b1/*/*")) == []
