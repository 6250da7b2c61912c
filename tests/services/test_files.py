"""Uploads as the database sees them: quotas under concurrency, uses by jobs, what is shared."""

import threading
from io import BytesIO

import pytest

from core import stored_files
from core.errors import BadRequest
from models.database import db
from models.stored_file import StoredFile
from services import files
from tests import factories
from tests.factories import ADMIN


class Upload:
    """A file of a request."""

    def __init__(self, filename, data):
        self.filename, self.stream = filename, BytesIO(data)


def upload(size=10, name="a.txt"):
    (file,) = files.store_uploads([Upload(name, b"x" * size)], ADMIN)
    return file


def job_with(*uploads):
    job_input = {"files": list(uploads)}
    job = factories.add_job(job_input=job_input)
    db.write(lambda connection: files.attach(connection, job, job_input))
    return job


def kept(app):
    folder = app.config["INSTANCE_PATH"] / "files"
    return [path for path in folder.rglob("*") if path.is_file()]


@pytest.mark.parametrize("setting", ["UPLOAD_QUOTA_BYTES", "UPLOAD_TOTAL_BYTES"])
def test_quotas_are_exact_when_many_upload_at_once(app, setting):
    app.config[setting] = 35
    barrier, outcomes = threading.Barrier(8), []

    def race():
        with app.app_context():
            barrier.wait()
            try:
                outcomes.append(upload())
            except BadRequest as error:
                outcomes.append(error.code)

    threads = [threading.Thread(target=race) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert outcomes.count("file") == 5
    assert len(kept(app)) == 3
    assert db.read(StoredFile.bytes_of) == 30


def test_one_upload_too_many_refuses_all_of_a_request(app):
    app.config["UPLOAD_QUOTA_BYTES"] = 15
    with pytest.raises(BadRequest):
        files.store_uploads([Upload("a", b"x" * 10), Upload("b", b"x" * 10)], ADMIN)
    assert kept(app) == []
    assert db.read(lambda connection: StoredFile.bytes_of(connection, ADMIN.id)) == 0


def test_magic_uploads_share_one_quota(app):
    app.config["UPLOAD_QUOTA_BYTES"] = 15
    files.store_magic_uploads([Upload("a", b"x" * 10)])
    with pytest.raises(BadRequest):
        files.store_magic_uploads([Upload("a", b"x" * 10)])
    upload()


def test_the_same_upload_twice_in_one_input_is_used_once(app):
    file = upload()
    job = job_with(file, file)
    gone = db.write(lambda connection: files.detach(connection, job))
    assert gone == [file["path"]]


def test_only_the_last_job_takes_an_upload_along(app):
    file = upload()
    first, second = job_with(file), job_with(file)
    assert db.write(lambda connection: files.detach(connection, first)) == []
    assert db.write(lambda connection: files.detach(connection, first)) == []
    assert db.write(lambda connection: files.detach(connection, second)) == [file["path"]]


def test_outputs_of_other_jobs_are_borrowed_and_never_deleted(app):
    instance = app.config["INSTANCE_PATH"]
    stored = stored_files.store_for_job(instance, "jother", BytesIO(b"x"), "out.txt")
    job = job_with({"path": stored.path, "filename": "out.txt", "size": 1})
    assert db.write(lambda connection: files.detach(connection, job)) == []


def test_an_upload_that_was_forgotten_meanwhile_forbids_the_job(app):
    file = upload()
    files.discard([file])
    with pytest.raises(BadRequest, match=r"Input file does not exist: a\.txt"):
        job_with(file)


def test_names_are_kept_apart_whatever_they_are(app):
    given = [{"filename": name, "path": "x"} for name in ("a.txt", "a-2.txt", "a.txt", "a", "a")]
    named = files.with_uploads({"files": given}, [{"filename": "a.txt", "path": "x"}])
    names = [file["filename"] for file in named["files"]]
    assert names == ["a.txt", "a-2.txt", "a-3.txt", "a", "a-2", "a-4.txt"]
    assert len(set(names)) == len(names)
