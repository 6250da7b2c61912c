"""API keys: what opens the door, and for what."""

import pytest

from tests.acceptance.scripts import ENDLESS


@pytest.fixture(scope="module")
def job(server):
    """A finished job in category general on group main."""
    return server.run_and_wait("#!/bin/sh\necho x\n")["id"]


def refused(response):
    return response.status_code, response.json()["code"], response.json()["description"]


def test_without_a_key_or_with_a_wrong_one_nothing_opens(server, job):
    nothing = server.get("get_job", server.client_with(None), id=job)
    assert refused(nothing) == (403, "session", "No Session ID or API Key could be found")
    wrong = server.get("get_job", server.client_with("wrong"), id=job)
    assert refused(wrong) == (403, "session", "Invalid API Key")


def test_a_key_may_come_in_four_ways(server, job):
    _, client = server.key("run_jobs")
    plain = client.headers["X-API-Key"]
    nobody = server.client_with(None)
    assert server.get("get_job", nobody, id=job, api_key=plain).status_code == 200
    assert server.post("get_job", {"id": job, "api_key": plain}, client=nobody).status_code == 200
    bearer = server.get("get_job", nobody, id=job, headers={"Authorization": f"Bearer {plain}"})
    assert bearer.status_code == 200
    assert server.get("get_job", client, id=job).status_code == 200
    assert server.get("get_job", client, id=job, headers={"X-Session-ID": ""}).status_code == 200


def test_a_key_is_shown_once_and_only_its_hash_is_kept(server):
    key, client = server.key("run_jobs")
    plain = client.headers["X-API-Key"]
    assert len(plain) == 43
    record = server.call("get_api_key", id=key["id"])["api_key"]
    assert record["mask"] == f"{plain[:4]}********{plain[-4:]}"
    assert plain not in str(record)
    assert plain not in str(server.call("get_api_keys"))
    databases = server.instance.glob("switchyard.db*")
    assert not any(plain.encode() in path.read_bytes() for path in databases)


def test_a_disabled_key_stops_working_at_once_and_may_come_back(server, job):
    key, client = server.key()
    assert server.get("get_job", client, id=job).status_code == 200
    server.call("update_api_key", id=key["id"], active=0)
    assert refused(server.get("get_job", client, id=job)) == (403, "session", "Invalid API Key")
    server.call("update_api_key", id=key["id"], active=1)
    assert server.get("get_job", client, id=job).status_code == 200
    server.call("delete_api_key", id=key["id"])
    assert server.get("get_job", client, id=job).status_code == 403
    missing = server.post("get_api_key", {"id": key["id"]})
    assert missing.status_code == 404


@pytest.mark.parametrize("expires", [1, 1e9])
def test_an_expired_key_is_no_key(server, job, expires):
    _, client = server.key("admin", expires=expires)
    assert refused(server.get("get_job", client, id=job))[:2] == (403, "session")


@pytest.mark.parametrize(
    ("name", "body", "privilege"),
    [
        ("run_event", {"id": "nosuchevent"}, "Run Jobs"),
        ("abort_job", {"id": "jnosuchjob"}, "Abort Jobs"),
        ("resume_job", {"id": "jnosuchjob"}, "Run Jobs"),
        ("delete_job", {"id": "jnosuchjob"}, "Delete Jobs"),
        ("manage_job_tags", {"id": "jnosuchjob", "tags": []}, "Job Tags"),
        ("flush_event_queue", {"id": "nosuchevent"}, "Abort Jobs"),
        ("update_job", {"id": "jnosuchjob"}, "Administrator"),
        ("delete_event", {"id": "nosuchevent"}, "Delete Events"),
        ("get_api_keys", {}, "Administrator"),
        ("create_api_key", {"title": "x"}, "Administrator"),
    ],
)
def test_privileges_are_checked_before_existence(server, name, body, privilege):
    key, client = server.key()
    text = f'API Key "{key["title"]}" does not have the "{privilege}" privilege required'
    assert refused(server.post(name, body, client=client)) == (
        *(403, "access", f"{text} to perform this action."),
    )
    title = privilege.lower().replace(" ", "_")
    privileges = {"administrator": "admin", "job_tags": "tag_jobs"}
    _, allowed = server.key(privileges.get(title, title))
    assert server.post(name, body, client=allowed).status_code != 403


def test_reading_needs_no_privilege(server, job):
    _, client = server.key()
    for name, params in (
        *(("get_job", {"id": job}), ("get_jobs", {"ids": job}), ("get_active_jobs", {})),
        *(("get_job_log", {"id": job}), ("get_events", {}), ("get_tags", {}), ("ping", {})),
    ):
        assert server.get(name, client, **params).status_code == 200


def test_a_key_limited_to_a_category_sees_nothing_else(server, job):
    _, inside = server.key("run_jobs", categories=["general"])
    _, outside = server.key("run_jobs", "abort_jobs", "delete_jobs", "tag_jobs", categories=["x"])
    running = server.run(ENDLESS)
    server.wait_for_state(running, "active")
    assert server.get("get_job", inside, id=job).status_code == 200
    text = "You do not have the required account privileges to access category ID general."
    for name, body in (
        *(("get_job", {"id": job}), ("get_job", {"id": running})),
        *(("get_job_log", {"id": job}), ("get_job_log", {"id": running})),
        *(("tail_live_job_log", {"id": running}), ("stream_job", {"id": job})),
        *(("stream_job", {"id": running}), ("abort_job", {"id": running})),
        *(("delete_job", {"id": job}), ("manage_job_tags", {"id": job, "tags": []})),
        ("run_event", {"id": server.job(job)["event"]}),
    ):
        assert refused(server.post(name, body, client=outside)) == (403, "access", text), name
    removed = server.post("get_job", {"id": job, "remove": ["category"]}, client=outside)
    assert refused(removed) == (403, "access", text)
    assert server.post("get_active_jobs", {}, client=outside).json()["list"]["length"] == 0
    rows = server.post("get_jobs", {"ids": [job]}, client=outside).json()["jobs"]
    assert rows == [{"err": f"Failed to locate job: {job}"}]
    assert server.job(running)["state"] == "active"
    server.call("abort_job", id=running)


def test_a_key_limited_to_a_group_runs_only_there(server):
    event = server.event()
    _, client = server.key("run_jobs", groups=["gpu"])
    text = "You do not have the required account privileges to access targets: main."
    assert refused(server.post("run_event", {"id": event}, client=client)) == (403, "access", text)
    _, client = server.key("run_jobs", groups=["main"])
    response = server.post("run_event", {"id": event, "targets": ["gpu"]}, client=client)
    assert response.status_code == 403
    assert server.post("run_event", {"id": event}, client=client).status_code == 200


def test_the_job_of_a_key_carries_its_id_and_the_abort_its_title(server):
    event = server.event(ENDLESS)
    key, client = server.key("run_jobs", "abort_jobs")
    job_id = server.post("run_event", {"id": event}, client=client).json()["id"]
    job = server.wait_for_state(job_id, "active")
    assert (job["source"], job["username"]) == ("key", key["id"])
    server.post("abort_job", {"id": job_id}, client=client)
    assert server.wait(job_id)["description"] == f"Manually aborted by API Key: {key['title']}"


def test_locked_parameters_are_the_administrators(server):
    event = server.event("#!/bin/sh\necho original\n")
    _, client = server.key("run_jobs")
    body = {"id": event, "params": {"script": "#!/bin/sh\necho mine\n"}}
    path = "/api/app/run_event/v1/wait"
    assert client.post(path, json=body).json()["job"]["output"] == "original\n"
    assert server.client.post(path, json=body).json()["job"]["output"] == "mine\n"
