"""Changing and deleting jobs: update_job, manage_job_tags, delete_job."""

from pathlib import Path

import pytest

from tests.acceptance.scripts import ENDLESS, saying
from tests.processes import until
from tests.server import messages


@pytest.fixture
def done(server):
    """A finished job."""
    return server.run_and_wait(saying({"data": {"a": 1}}, "text"))["id"]


@pytest.fixture
def live(server):
    """A running job."""
    job_id = server.run(ENDLESS)
    server.wait_for_log(job_id, "started")
    yield job_id
    server.post("abort_job", {"id": job_id})


def refused(server, name, body, client=None):
    response = server.post(name, body, client=client)
    return response.status_code, response.json()["code"], response.json()["description"]


def test_a_finished_job_can_be_updated(server, done):
    server.call("update_job", id=done, label="new label", notes="some notes", zzz={"a": 1})
    job = server.job(done)
    assert (job["label"], job["notes"], job["zzz"]) == ("new label", "some notes", {"a": 1})
    assert (job["data"], job["output"]) == ({"a": 1}, "text\n")


def test_numbers_and_lists_of_a_finished_job_can_be_adjusted(server, done):
    server.call("update_job", id=done, counter=5)
    server.call("update_job", id=done, counter="+3", tags="+flag,-_last")
    job = server.job(done)
    assert (job["counter"], job["tags"]) == (8, ["_success", "flag"])


def test_a_running_job_can_be_updated_and_keeps_it(server):
    script = "#!/bin/sh\nmkfifo go\necho ready\nread -r x < go\n"
    script += """echo '{"xy":1,"perf":{"a":1}}'\n"""
    job_id = server.run(script)
    server.wait_for_log(job_id, "ready")
    server.call("update_job", id=job_id, label="live label", notes="n")
    job = server.job(job_id)
    assert (job["label"], job["state"]) == ("live label", "active")
    Path(job["cwd"], "go").write_text("go\n")
    job = server.wait(job_id)
    assert (job["label"], job["notes"], job["perf"]) == ("live label", "n", {"a": 1})
    assert job["code"] == 0


@pytest.mark.parametrize(
    "key",
    [
        *("event", "state", "code", "complete", "started", "completed", "server", "pid", "until"),
        *("suspended", "position"),
    ],
)
def test_the_engines_keys_of_a_running_job_are_refused(server, live, key):
    status, _, text = refused(server, "update_job", {"id": live, key: "x"})
    assert status == 400
    assert key in text
    assert server.job(live)["state"] == "active"


def test_updates_need_an_administrator_and_a_body(server, done):
    key, client = server.key("run_jobs", "abort_jobs", "delete_jobs", "tag_jobs")
    text = f'API Key "{key["title"]}" does not have the "Administrator" privilege required'
    assert refused(server, "update_job", {"id": done, "label": "x"}, client) == (
        *(403, "access", f"{text} to perform this action."),
    )
    response = server.get("update_job", id=done, label="x")
    assert (response.status_code, response.json()["description"]) == (400, "Missing parameter: id")
    status, code, text = refused(server, "update_job", {"id": "jnosuchjob", "label": "x"})
    assert (status, code) == (404, "job")
    assert text.startswith("Failed to update job: jnosuchjob: ")


def test_tags_are_replaced_and_told(server, done):
    server.call("manage_job_tags", id=done, tags=["flag", "sometag"])
    server.call("manage_job_tags", id=done, tags=[])
    server.call("manage_job_tags", id=done, tags=["_success", "flag"])
    job = server.job(done)
    assert job["tags"] == ["_success", "flag"]
    assert messages(job)[-3:] == [
        "Updated job tags: flag, sometag",
        "Updated job tags: (None)",
        "Updated job tags: flag",
    ]
    assert {row.get("username") for row in job["activity"][-3:]} == {"admin"}


def test_tags_that_can_not_be_set(server, done, live):
    running = refused(server, "manage_job_tags", {"id": live, "tags": []})
    assert running == (409, "job", "Cannot update tags of running job.")
    status, code, text = refused(server, "manage_job_tags", {"id": "jnosuchjob", "tags": []})
    assert (status, code, text[:33]) == (404, "job", "Failed to update job: jnosuchjob:")
    for body, text in (
        ({"id": done}, "Missing parameter: tags"),
        ({"tags": []}, "Missing parameter: id"),
        ({"id": done, "tags": "flag"}, "Parameter is not an array: tags"),
    ):
        assert refused(server, "manage_job_tags", body) == (400, "api", text)
    extra = {"id": done, "tags": [], "more": 1}
    assert refused(server, "manage_job_tags", extra) == (
        *(400, "job", "Too many properties in params"),
    )


def test_a_key_in_the_body_is_no_parameter(server, done):
    body = {"id": done, "tags": ["flag"], "api_key": server.client.headers["X-API-Key"]}
    response = server.post("manage_job_tags", body, client=server.client_with(None))
    assert response.json() == {"code": 0}


def test_a_deleted_job_is_gone_everywhere(server, done):
    server.call("delete_job", id=done)
    missing = f"Failed to load job details: {done}: "
    status, code, text = refused(server, "get_job", {"id": done})
    assert (status, code) == (404, "notfound")
    assert text.startswith(missing)
    assert server.call("get_jobs", ids=[done])["jobs"] == [{"err": f"Failed to locate job: {done}"}]
    assert server.get("stream_job", id=done).status_code == 404
    status, code, text = refused(server, "delete_job", {"id": done})
    assert (status, code) == (404, "job")
    assert text.startswith(missing)


def test_a_running_job_is_not_deleted(server, live):
    text = f"Cannot delete a job that is still active: {live}"
    assert refused(server, "delete_job", {"id": live}) == (409, "job", text)
    assert server.job(live)["state"] == "active"


def test_nothing_of_a_deleted_job_is_left_on_disk(server):
    script = '#!/bin/sh\nseq 100000\necho x > out.txt\necho \'{"xy":1,"files":["out.txt"]}\'\n'
    job = server.run_and_wait(script)
    server.call("delete_job", id=job["id"])
    folders = [server.instance / name for name in ("runs", "logs", "files")]
    until(lambda: not [path for one in folders for path in one.rglob(f"*{job['id']}*")])
