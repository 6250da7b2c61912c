"""Events: created, read, changed, deleted; and the small endpoints beside them."""

import pytest

from tests.acceptance.scripts import ENDLESS


def refused(response):
    return response.status_code, response.json()["code"], response.json()["description"]


def test_an_event_is_created_and_read(server):
    event = server.event("#!/bin/sh\necho x\n", notes="n", icon="star")
    reply = server.call("get_event", id=event)
    stored = reply["event"]
    assert (stored["id"], stored["notes"], stored["icon"]) == (event, "n", "star")
    assert (stored["limits"], stored["actions"], stored["revision"]) == ([], [], 1)
    assert stored["username"] == "admin"
    assert (reply["jobs"], reply["queued"]) == ([], 0)
    assert event in [row["id"] for row in server.call("get_events")["rows"]]
    assert [row["id"] for row in server.call("get_events", id=event)["rows"]] == [event]


def test_a_changed_event_counts_for_the_next_run(server):
    event = server.event("#!/bin/sh\necho old\n")
    assert server.run_and_wait(id=event)["output"] == "old\n"
    server.call("update_event", id=event, params={"script": "#!/bin/sh\necho new\n"})
    job = server.run_and_wait(id=event)
    assert (job["output"], job["event_revision"]) == ("new\n", 2)


def test_a_deleted_event_runs_no_more_but_its_jobs_stay(server):
    event = server.event("#!/bin/sh\necho x\n")
    job = server.run_and_wait(id=event)
    server.call("delete_event", id=event)
    assert server.post("get_event", {"id": event}).status_code == 404
    assert refused(server.post("run_event", {"id": event})) == (
        *(404, "event", f"Event not found: {event}"),
    )
    assert server.job(job["id"])["output"] == "x\n"


def test_an_event_with_a_running_job_is_not_deleted(server):
    event = server.event(ENDLESS)
    job_id = server.run(id=event)
    server.wait_for_state(job_id, "active")
    response = server.post("delete_event", {"id": event})
    assert response.status_code in (400, 409)
    server.call("abort_job", id=job_id)
    server.wait(job_id)
    server.call("delete_event", id=event)


def test_an_event_deleted_while_a_job_waits_aborts_it_clearly(server):
    suspended = {"enabled": True, "condition": "start", "type": "suspend"}
    event = server.event(actions=[suspended])
    job_id = server.run(id=event)
    server.wait(job_id, lambda job: job.get("suspended"))
    response = server.post("delete_event", {"id": event})
    if response.status_code == 200:
        assert server.wait(job_id)["code"] in (0, "abort")
    else:
        server.call("abort_job", id=job_id)


def test_an_event_disabled_while_a_job_waits_aborts_it(server):
    limits = [
        {"type": "job", "enabled": True, "amount": 1},
        {"type": "queue", "enabled": True, "amount": 5},
    ]
    event = server.event(ENDLESS, limits=limits)
    first, second = server.run(id=event), server.run(id=event)
    server.wait_for_state(second, "queued")
    server.call("update_event", id=event, enabled=False)
    server.call("abort_job", id=first)
    title = server.call("get_event", id=event)["event"]["title"]
    assert server.wait(second)["description"] == f"Event was disabled: {title}"


@pytest.mark.parametrize(
    "changes",
    [
        {"title": ""},
        {"title": "<b>x</b>"},
        {"category": "nosuchcategory"},
        {"plugin": "nosuchplugin"},
        {"targets": []},
        {"targets": "main"},
        {"params": {}},
        {"limits": [{"type": "nosuchtype"}]},
        {"actions": [{"type": "nosuchtype"}]},
        {"triggers": [{"type": "nosuchtype"}]},
        {"type": "workflow"},
        {"tags": ["nosuchtag"]},
        {"id": "BAD ID"},
    ],
)
def test_bad_events_are_refused_with_a_clear_text(server, changes):
    event = {
        "title": "x",
        "enabled": True,
        "category": "general",
        "targets": ["main"],
        "algo": "random",
        "plugin": "shellplug",
        "params": {"script": "#!/bin/sh\n"},
        "triggers": [],
    } | changes
    response = server.post("create_event", event)
    assert response.status_code == 400
    assert response.json()["description"]


def test_the_stock_is_there(server):
    assert [tag["id"] for tag in server.call("get_tags")["rows"]] == ["important", "flag"]


def test_ping_echo_health_ready_and_the_documents(server):
    nobody = server.client_with(None)
    assert server.get("ping", nobody).json()["code"] == 0
    assert server.post("echo", {"a": 1}).json()["code"] == 0
    assert nobody.get("/health").status_code == 200
    assert nobody.get("/ready").status_code == 200
    document = nobody.get("/api/openapi.json").json()
    assert document["openapi"].startswith("3.1")
    assert any("run_event" in path for path in document["paths"])
    assert "text/html" in nobody.get("/api/docs").headers["Content-Type"]


def test_unknown_names_and_methods(server):
    unknown = server.get("nosuchapi")
    assert (unknown.status_code, unknown.json()["description"]) == (
        *(404, "Unsupported API: app/api_nosuchapi"),
    )
    for method in ("PUT", "PATCH", "DELETE"):
        response = server.client.request(method, "/api/app/get_job/v1")
        assert response.status_code == 405
        assert "POST" in response.headers["Allow"]
