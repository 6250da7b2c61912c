"""Links to logs, with a token and no key; and the tails of running jobs."""

import pytest

from tests.acceptance.scripts import ENDLESS

pytestmark = pytest.mark.databases("sqlite")


@pytest.fixture(scope="module")
def small(server):
    """A job with a log of two lines."""
    return server.run_and_wait('#!/bin/sh\necho "hello world"\necho "second line"\n')


def token(server, job_id):
    return server.call("get_job", id=job_id)["token"]


def test_links_with_a_token_need_no_key(server, small):
    nobody = server.client_with(None)
    opened = {"id": small["id"], "t": token(server, small["id"])}
    view = server.get("view_job_log", nobody, **opened)
    assert (view.status_code, view.text) == (200, "hello world\nsecond line\n")
    assert view.headers["Content-Type"] == "text/plain; charset=utf-8"
    assert "Content-Disposition" not in view.headers
    download = server.get("download_job_log", nobody, **opened)
    assert download.text == view.text
    assert download.headers["Content-Disposition"] == (
        f"attachment; filename=xyOps-Job-Log-{small['id']}.txt"
    )


def test_a_download_of_a_running_job_is_named_partial(server):
    job_id = server.run(ENDLESS)
    server.wait_for_log(job_id, "started")
    params = {"id": job_id, "t": token(server, job_id)}
    response = server.get("download_job_log", server.client_with(None), **params)
    assert response.text == "started\n"
    assert response.headers["Content-Disposition"] == (
        f"attachment; filename=xyOps-Partial-Job-Log-{job_id}.txt"
    )
    server.call("abort_job", id=job_id)
    server.wait(job_id)


@pytest.mark.parametrize("name", ["view_job_log", "download_job_log"])
def test_errors_of_links_are_plain_text(server, small, name):
    nobody = server.client_with(None)
    good = token(server, small["id"])
    wrong = server.get(name, nobody, id=small["id"], t="wrongtoken")
    assert (wrong.status_code, wrong.text) == (403, "(Authentication failed.)\n")
    assert wrong.headers["Content-Type"] == "text/plain; charset=utf-8"
    assert server.get(name, id=small["id"], t="wrongtoken").status_code == 403
    assert server.get(name, nobody, id="jnosuchjob", t=good).status_code == 403
    empty = server.run_and_wait("#!/bin/sh\nexit 0\n")["id"]
    missing = server.get(name, nobody, id=empty, t=token(server, empty))
    assert (missing.status_code, missing.text) == (404, f"No log file found for job: {empty}")
    for params, text in (
        ({"id": small["id"]}, "Missing parameter: t"),
        ({"t": good}, "Missing parameter: id"),
        ({"id": "BAD-ID", "t": good}, "Malformed parameter: id"),
        ({"id": small["id"], "t": "bad!token"}, "Malformed parameter: t"),
    ):
        response = server.get(name, nobody, **params)
        assert response.json() == {"code": "api", "description": text}
        assert response.status_code == 400


def test_the_log_of_a_deleted_job_is_gone(server):
    job = server.run_and_wait("#!/bin/sh\necho x\n")
    link = token(server, job["id"])
    server.call("delete_job", id=job["id"])
    response = server.get("view_job_log", server.client_with(None), id=job["id"], t=link)
    assert (response.status_code, response.text) == (404, f"Job record not found: {job['id']}")
    assert server.get("get_job_log", id=job["id"]).status_code == 404


def test_the_tail_of_a_running_job(server):
    job_id = server.run("#!/bin/sh\necho first line\necho 'second ä'\necho third\nsleep 600\n")
    server.wait_for_log(job_id, "third")
    tail = server.call("tail_live_job_log", id=job_id)["text"]
    assert tail == "first line\nsecond ä\nthird\n"
    assert server.call("tail_live_job_log", id=job_id, bytes=10)["text"] == "third\n"
    assert server.call("tail_live_job_log", id=job_id, bytes="10")["text"] == "third\n"
    server.call("abort_job", id=job_id)
    server.wait(job_id)
    assert server.call("tail_live_job_log", id=job_id)["text"] == ""
    assert server.call("tail_live_job_log", id="jnosuchjob")["text"] == ""


@pytest.mark.parametrize(
    ("wanted", "text"),
    [
        (True, "Malformed parameter type: bytes (boolean)"),
        ({}, "Malformed parameter type: bytes (object)"),
        ("-5", "Malformed parameter value: bytes"),
        (1.5, "Malformed parameter value: bytes"),
        (0, "Requested byte count out of range (1 - 1048576)"),
        (1048577, "Requested byte count out of range (1 - 1048576)"),
        ("9" * 400, "Requested byte count out of range (1 - 1048576)"),
    ],
)
def test_bad_sizes_of_tails_are_refused(server, wanted, text):
    response = server.post("tail_live_job_log", {"id": "jx", "bytes": wanted})
    assert (response.status_code, response.json()["description"]) == (400, text)
