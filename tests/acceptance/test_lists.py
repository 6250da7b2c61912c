"""Lists of jobs: live ones with filters and pages, chosen ones by id."""

import pytest

from tests.acceptance.scripts import ENDLESS


@pytest.fixture(scope="module")
def running(server):
    """Five running jobs of one event, the oldest first."""
    event = server.event(ENDLESS)
    jobs = [server.run(id=event, params={"n": n}, weight=n) for n in range(5)]
    for job_id in jobs:
        server.wait_for_log(job_id, "started")
    yield event, jobs
    for job_id in jobs:
        server.post("abort_job", {"id": job_id})


def ids(server, client=None, **params):
    reply = server.post("get_active_jobs", params, client=client).json()
    assert reply["code"] == 0, reply
    return [row["id"] for row in reply["rows"]], reply["list"]["length"]


def test_live_jobs_are_listed_newest_first(server, running):
    event, jobs = running
    assert ids(server, event=event) == (jobs[::-1], 5)


def test_rows_have_the_live_properties(server, running):
    event, jobs = running
    (row,) = server.call("get_active_jobs", id=jobs[0])["rows"]
    assert {
        *("id", "event", "category", "plugin", "targets", "algo", "source", "username", "state"),
        *("started", "now", "updated", "progress", "params", "limits", "actions", "tags", "env"),
        *("command", "uid", "gid", "kill", "server", "groups", "remote", "pid", "log_file_size"),
    } <= row.keys()
    assert not {"activity", "input", "data", "files", "timelines", "output"} & row.keys()
    assert (row["state"], row["remote"], row["event"]) == ("active", True, event)


def test_measurements_of_the_processes_appear(server, running):
    _, jobs = running
    job = server.wait(jobs[0], lambda job: job.get("mem", {}).get("count", 0) >= 2)
    for key in ("cpu", "mem"):
        assert set(job[key]) == {"min", "max", "total", "count", "current"}
    assert job["mem"]["current"] > 100_000
    process = job["procs"][str(job["pid"])]
    assert (process["pid"], process["command"]) == (job["pid"], "sleep 600")
    keys = {"parentPid", "user", "cpu", "memRss", "age", "state", "threads", "started"}
    assert keys <= process.keys()


@pytest.mark.parametrize(
    ("paging", "expected"),
    [
        ({"limit": 2}, [4, 3]),
        ({"limit": "2", "offset": "1"}, [3, 2]),
        ({"offset": 3}, [1, 0]),
        ({"offset": 99}, []),
        ({"sort_dir": 1}, [0, 1, 2, 3, 4]),
        ({"sort_by": "weight", "sort_dir": 1, "limit": 1}, [0]),
        ({"sort_by": "weight"}, [4, 3, 2, 1, 0]),
        ({"sort_by": "event"}, [0, 1, 2, 3, 4]),
        ({"limit": -1}, [4, 3, 2, 1]),
        ({"limit": 0}, [4, 3, 2, 1, 0]),
    ],
)
def test_sorting_and_paging(server, running, paging, expected):
    event, jobs = running
    assert ids(server, event=event, **paging) == ([jobs[index] for index in expected], 5)


@pytest.mark.parametrize(
    ("filters", "found"),
    [
        ({"state": "active"}, 5),
        ({"state": "queued"}, 0),
        ({"weight": "3"}, 1),
        ({"weight": 3, "state": "active"}, 1),
        ({"targets": "main"}, 5),
        ({"nosuchkey": "x"}, 0),
        ({"nosuchkey": None}, 5),
        ({"params.n": 1}, 0),
        ({"state": ["active"]}, 0),
    ],
)
def test_everything_else_is_a_filter(server, running, filters, found):
    event, _ = running
    assert ids(server, event=event, **filters)[1] == found


def test_credentials_and_the_like_are_no_filters(server, running):
    event, _ = running
    params = {"event": event, "pretty": 1, "cachebust": 5}
    params["api_key"] = server.client.headers["X-API-Key"]
    response = server.client_with(None).get("/api/app/get_active_jobs/v1", params=params)
    assert response.json()["list"]["length"] == 5
    assert response.text.startswith("{\n\t")


def test_query_and_body_are_merged(server, running):
    event, _ = running
    response = server.client.post(f"/api/app/get_active_jobs/v1?event={event}", json={"event": "x"})
    assert response.json()["list"]["length"] == 5


def test_chosen_jobs_come_in_order_with_placeholders(server, running):
    _, jobs = running
    done = server.run_and_wait("#!/bin/sh\necho log\n")["id"]
    for wanted in ([done, "jnosuchjob", jobs[0], done], f"{done}, jnosuchjob,{jobs[0]},  {done}"):
        rows = server.call("get_jobs", ids=wanted)["jobs"]
        assert [row.get("id") for row in rows] == [done, None, jobs[0], done]
        assert rows[1] == {"err": "Failed to locate job: jnosuchjob"}
        assert rows[0]["output"] == "log\n"
        heavy = {"actions", "activity", "html", "limits", "procs", "timelines", "input", "data"}
        assert not heavy & rows[0].keys()
        assert not heavy & rows[2].keys()
    verbose = server.call("get_jobs", ids=[done], verbose=True)["jobs"]
    assert verbose == [server.job(done)]


@pytest.mark.parametrize("wanted", [None, [], "", {}, {"length": 1}, 5, True])
def test_without_ids_there_is_a_clear_error(server, wanted):
    response = server.post("get_jobs", {} if wanted is None else {"ids": wanted})
    assert response.status_code == 400
    assert response.json() == {"code": "job", "description": "Missing or malformed ids parameter."}


def test_keys_can_be_left_out_of_a_job(server, running):
    _, jobs = running
    for remove in (["params", "activity"], "params, activity,nosuchkey"):
        job = server.call("get_job", id=jobs[0], remove=remove)["job"]
        assert not {"params", "activity"} & job.keys()
        assert job["id"] == jobs[0]


def test_get_job_comes_with_a_token_and_may_be_compressed(server):
    job = server.run_and_wait("#!/bin/sh\nseq 1000\n")
    reply = server.call("get_job", id=job["id"])
    assert len(reply["token"]) == 22
    response = server.get("get_job", id=job["id"], headers={"Accept-Encoding": "gzip"})
    assert response.headers["Content-Encoding"] == "gzip"
    assert response.json() == reply
    plain = server.get("get_job", id=job["id"], headers={"Accept-Encoding": "identity"})
    assert "Content-Encoding" not in plain.headers
    assert plain.json() == reply
