"""Files over HTTP: uploads, what jobs get of them, quotas, deletion, and files sent for jobs."""

import json

import pytest

from core import tokens
from models.database import db
from models.stored_file import StoredFile
from services import job_files
from tests import factories
from tests.blueprints.api import assert_error, multipart

UPLOADS = ["upload_job_input_files", "upload_files"]


def files_on_disk(app):
    folder = app.config["INSTANCE_PATH"] / "files"
    return [path for path in folder.rglob("*") if path.is_file()]


def upload(call, *parts, name="upload_job_input_files"):
    """Upload these parts, or one small file; returns the records."""
    reply = call(name, **multipart(*(parts or [("file1", "a.txt", b"12345")])))
    assert reply.status_code == 200, reply.text
    return reply.json["files"]


def run(call, *files, **params):
    return call("run_event", {"id": "etest", "input": {"files": list(files)}, **params})


def finished_job(call, *files):
    """The id of a final job that had these files as input."""
    job = run(call, *files).json["id"]
    factories.finish_job(job, input={"files": list(files)}, tags=["_success", "_files"])
    return job


@pytest.mark.parametrize("name", UPLOADS)
def test_uploads_are_stored_under_secret_paths(app, call, name):
    (file,) = upload(call, ("f", "My Réport.TXT", b"12345"), name=name)
    assert set(file) == {"id", "date", "filename", "path", "size", "username"}
    assert (file["filename"], file["size"], file["username"]) == ("My R_port.TXT", 5, "admin")
    folder, secret, key_name = file["path"].rsplit("/", 2)
    assert (folder, len(secret), key_name) == ("files/admin", 43, "my_r_port.txt")
    assert call(f"/{file['path']}").data == b"12345"


def test_linked_uploads_come_with_their_urls(app, call):
    reply = call("upload_files", **multipart(("f", "a.txt", b"1"), ("g", "a.txt", b"2")))
    urls, files = reply.json["urls"], reply.json["files"]
    assert urls == [f"{app.config['BASE_URL']}/{file['path']}" for file in files]
    assert len(set(urls)) == 2


@pytest.mark.parametrize("name", UPLOADS)
@pytest.mark.parametrize(
    ("parts", "code", "text"),
    [
        ([], "file", "No file upload data found in request."),
        ([("f", None, b"1")], "file", "No file upload data found in request."),
        ([("f", "..", b"1")], "api", "File 'f' is missing required name property"),
        ([("f", "a", b"1"), ("g", "a", b"")], "api", "File 'g' is missing required size"),
    ],
)
def test_unusable_uploads_are_refused_whole(app, nobody, name, parts, code, text):
    assert_error(nobody(name, **multipart(*parts)), 400, code, text)
    assert files_on_disk(app) == []


@pytest.mark.parametrize("name", UPLOADS)
def test_uploading_needs_a_key_that_may_run_jobs(app, nobody, make_key, name):
    body = multipart(("f", "a.txt", b"1"))
    assert nobody(name, **body).status_code == 403
    assert make_key()(name, **body).status_code == 403
    assert files_on_disk(app) == []
    assert make_key(privileges={"run_jobs": 1})(name, **body).status_code == 200


def test_an_upload_is_in_the_transaction_log(app, call):
    upload(call)
    text = db.read(lambda c: c.exec_driver_sql("SELECT doc FROM transactions").scalar())
    record = json.loads(text)
    assert (record["action"], record["description"]) == ("file_upload", "a.txt")


# Input of runs


def test_a_run_gets_the_files_that_it_names_as_they_are(app, call, event):
    one, two = upload(call), upload(call, ("f", "a.txt", b"1"))
    lie = {"path": one[0]["path"], "filename": "a.txt", "size": 0, "note": "kept"}
    job = run(call, lie, two[0]).json["id"]
    files = json.loads(factories.load(job).input)["files"]
    assert [(file["filename"], file["size"]) for file in files] == [("a.txt", 5), ("a-2.txt", 1)]
    assert files[0]["note"] == "kept"


@pytest.mark.parametrize(
    "path",
    [
        "files/admin/" + "x" * 43 + "/a.txt",
        "files/jobs/jx/" + "x" * 43 + "/a.txt",
        "files/../secret-key",
        "secret-key",
        "/etc/passwd",
        "files/admin\x00",
        "",
        7,
        None,
        [],
    ],
)
def test_a_run_with_a_file_that_is_not_there_is_refused(call, event, path):
    assert_error(run(call, {"path": path, "filename": "in.txt"}), 400, "file", "Input file does")
    assert call("get_active_jobs").json["rows"] == []


@pytest.mark.parametrize("files", ["x", {"a": 1}, [1], [None], [[]], True, [{}] * 1001])
def test_malformed_input_files_are_refused(call, event, files):
    reply = call("run_event", {"id": "etest", "input": {"files": files}})
    assert_error(reply, 400, "api", "Malformed event parameter: input.files")


def test_a_file_without_a_row_is_on_its_way_out_and_no_input(app, call, event):
    (file,) = upload(call)
    db.write(lambda connection: StoredFile.delete_paths(connection, [file["path"]]))
    assert_error(run(call, file), 400, "file", "Input file does not exist: a.txt")


# Quotas


def test_a_caller_can_use_up_a_quota_and_gets_it_back(app, call, event, make_key):
    app.config["UPLOAD_QUOTA_BYTES"] = 10
    (file,) = upload(call)
    upload(call)
    text = "Your uploaded files would exceed the quota of 10 bytes."
    assert_error(call(UPLOADS[0], **multipart(("f", "a", b"1"))), 400, "file", text)
    body = multipart(("id", None, b"etest"), ("f", "a", b"1"))
    assert_error(call("run_event", **body), 400, "file", text)
    assert len(files_on_disk(app)) == 2
    upload(make_key(privileges={"run_jobs": 1}))
    call("delete_job", {"id": finished_job(call, file)})
    upload(call)


def test_all_callers_share_the_total(app, call, make_key):
    app.config["UPLOAD_TOTAL_BYTES"] = 9
    upload(make_key(privileges={"run_jobs": 1}))
    text = "All uploaded files together would exceed the quota of 9 bytes."
    assert_error(call(UPLOADS[0], **multipart(("f", "a", b"12345"))), 400, "file", text)
    upload(call, ("f", "a", b"1234"))


# Deletion


def test_deleting_a_job_deletes_the_uploads_that_only_it_used(call, event):
    own, shared, unused = upload(call)[0], upload(call)[0], upload(call)[0]
    first, second = finished_job(call, own, shared), finished_job(call, shared)
    assert call("delete_job", {"id": first}).status_code == 200
    assert call(f"/{own['path']}").status_code == 404
    assert call(f"/{shared['path']}").status_code == 200
    assert call("delete_job", {"id": second}).status_code == 200
    assert call(f"/{shared['path']}").status_code == 404
    assert call(f"/{unused['path']}").status_code == 200


def test_what_belongs_to_a_bucket_or_ticket_stays(call, event):
    files = [{**upload(call)[0], kind: "x"} for kind in ("bucket", "ticket")]
    job = finished_job(call, *files)
    for file, kind in zip(files, ("Bucket", "Ticket"), strict=True):
        text = f"{kind} files cannot be deleted from job: a.txt"
        reply = call("delete_job_file", {"id": job, "path": file["path"]})
        assert_error(reply, 400, "job", text)
    call("delete_job", {"id": job})
    assert [call(f"/{file['path']}").status_code for file in files] == [200, 200]


def test_deleting_an_events_jobs_deletes_their_uploads(call, event):
    (file,) = upload(call)
    finished_job(call, file)
    assert call("delete_event", {"id": "etest", "delete_jobs": True}).status_code == 200
    assert call(f"/{file['path']}").status_code == 404


def test_one_file_of_a_job_can_be_deleted(call, event, live_job):
    key = send(call, live_job).json["key"]
    (shared,) = upload(call)
    other = finished_job(call, shared)
    factories.finish_job(
        live_job,
        files=[{"path": key, "filename": "out.txt"}],
        input={"data": {"a": 1}, "files": [shared]},
        tags=["_success", "_files", "flag"],
    )
    assert call("delete_job_file", {"id": live_job, "path": key}).status_code == 200
    assert call(f"/{key}").status_code == 404
    job = call("get_job", {"id": live_job}).json["job"]
    assert (job["files"], job["tags"]) == ([], ["_success", "_files", "flag"])
    reply = call("delete_job_file", {"id": live_job, "path": key})
    assert_error(reply, 404, "job", "Job file not found: out.txt")

    url = f"/api/app/delete_job_file/v1?id={live_job}"
    assert call(url, {"path": shared["path"]}).status_code == 200
    job = call("get_job", {"id": live_job}).json["job"]
    assert (job["input"], job["tags"]) == ({"data": {"a": 1}, "files": []}, ["_success", "flag"])
    assert call(f"/{shared['path']}").status_code == 200
    assert call("delete_job_file", {"id": other, "path": shared["path"]}).status_code == 200
    assert call(f"/{shared['path']}").status_code == 404


def test_files_of_live_and_missing_jobs_cannot_be_deleted(call, live_job):
    text = f"Cannot delete a file of a job that is still active: {live_job}"
    assert_error(call("delete_job_file", {"id": live_job, "path": "x"}), 409, "job", text)
    text = "Failed to load job details: jnone: "
    assert_error(call("delete_job_file", {"id": "jnone", "path": "x"}), 404, "job", text)


def test_deleting_a_file_asks_for_access(make_key, job):
    other = make_key(privileges={"delete_jobs": 1}, categories=["other"])
    assert_error(other("delete_job_file", {"id": job, "path": "x"}), 403, "access", "You do")


# Files that are sent for running jobs


def send(call, job, auth=None, *parts):
    auth = job_files.worker_token(job) if auth is None else auth
    fields = [("id", None, job.encode()), ("auth", None, auth.encode())]
    return call(
        "upload_job_file", **multipart(*fields, *(parts or [("file1", "Out.TXT", b"12345")]))
    )


def test_a_file_sent_with_the_jobs_token_becomes_one_of_its_files(nobody, live_job):
    reply = send(nobody, live_job)
    assert reply.json == {"code": 0, "key": reply.json["key"], "size": 5}
    assert reply.json["key"].startswith(f"files/jobs/{live_job}/")
    assert reply.json["key"].endswith("/out.txt")
    assert nobody(f"/{reply.json['key']}").data == b"12345"
    (text,) = db.read(lambda connection: StoredFile.sent_for(connection, live_job))
    assert json.loads(text)["path"] == reply.json["key"]
    assert "Uploading file: Out.TXT" in factories.load(live_job).activity


def test_an_empty_file_may_be_sent(nobody, live_job):
    assert send(nobody, live_job, None, ("file1", "a", b"")).json["size"] == 0


def test_a_key_that_may_run_jobs_can_send_files(make_key, nobody, live_job):
    rich = make_key(privileges={"run_jobs": 1})
    assert send(nobody, live_job, rich.key).status_code == 200


def test_a_wrong_proof_sends_nothing(app, make_key, nobody, live_job):
    other = factories.add_job(state="active")
    secret = app.config["SECRET_KEY"]
    for proof in ("wrong", job_files.worker_token(other), tokens.worker_token(live_job, b"x")):
        assert_error(send(nobody, live_job, proof), 400, "auth", "Authentication failure")
        reply = nobody("finish_job", {"id": live_job, "auth": proof, "job": {}})
        assert_error(reply, 400, "auth", "Authentication failure")
    assert tokens.worker_token(live_job, secret) == job_files.worker_token(live_job)
    assert_error(send(nobody, live_job, "a b"), 400, "api", "Malformed parameter: auth")
    assert files_on_disk(app) == []


def test_only_running_jobs_take_files(app, nobody, job):
    assert_error(send(nobody, job), 409, "job", f"Job is not running: {job}")
    assert_error(send(nobody, "jnone"), 404, "job", "Job not found: jnone")
    queued = factories.add_job(state="queued")
    assert_error(send(nobody, queued), 409, "job", f"Job is not running: {queued}")
    assert files_on_disk(app) == []


def test_a_file_must_come_with_the_call(nobody, live_job):
    reply = send(nobody, live_job, None, ("other", "a.txt", b"1"))
    assert_error(reply, 400, "job", "File upload data not found")


def test_jobs_are_not_ended_from_elsewhere(nobody, live_job):
    body = {"id": live_job, "auth": job_files.worker_token(live_job), "job": {"code": 0}}
    text = f"Job is not run by a remote worker: {live_job}"
    assert_error(nobody("finish_job", body), 409, "job", text)
    reply = nobody("finish_job", {**body, "job": {"id": "jother"}})
    assert_error(reply, 400, "api", "Malformed parameter: job")
    reply = nobody("finish_job", {**body, "job": []})
    assert_error(reply, 400, "api", "Parameter is not type object: job")
