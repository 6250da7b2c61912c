"""The endpoints of events: from the request to the stored event and the accepted job."""

import threading

import pytest

from core import json
from services import follow
from tests import factories
from tests.blueprints.api import EVENT, assert_error, multipart


def accepted(reply):
    """The document of the job that a run_event reply names."""
    assert reply.status_code == 200, reply.text
    assert set(reply.json) == {"code", "id"}
    return json.loads(factories.load(reply.json["id"]).doc)


def test_an_event_lives_from_creation_to_deletion(call):
    created = call("create_event", {"id": "e1", **EVENT}).json["event"]
    assert created["id"] == "e1"
    assert call("get_event", {"id": "e1"}).json["event"] == created
    assert call("get_events").json["list"] == {"length": 1}
    updated = call("update_event", {"id": "e1", "title": "New"}).json["event"]
    assert (updated["title"], updated["revision"]) == ("New", 2)
    assert call("delete_event", {"id": "e1"}).json == {"code": 0}
    assert_error(call("get_event", {"id": "e1"}), 404, "notfound", "Failed to locate event: e1")


def test_credentials_are_not_stored_with_an_event(nobody, call):
    reply = nobody("create_event", {**EVENT, "api_key": call.key})
    assert "api_key" not in reply.json["event"]


def test_events_are_filtered_by_every_parameter(call, event):
    assert len(call("/api/app/get_events/v1?id=etest&pretty=1").json["rows"]) == 1
    assert call("/api/app/get_events/v1?id=eother").json["rows"] == []
    assert call("get_events", {"enabled": 1}).json["list"]["length"] == 1


@pytest.mark.parametrize(
    ("change", "text"),
    [
        ({"title": ...}, "Missing parameter: title"),
        ({"title": " "}, "Malformed parameter: title"),
        ({"title": "<b>"}, "Malformed title parameter: Cannot contain HTML metacharacters"),
        ({"enabled": ...}, "Missing parameter: enabled"),
        ({"enabled": "maybe"}, "Malformed parameter: enabled"),
        ({"category": ...}, "Missing parameter: category"),
        ({"category": "no way"}, "Malformed parameter: category"),
        ({"id": 5}, "Invalid ID parameter: 5 (not a string)"),
        ({"id": None}, "Invalid ID parameter: null (not a string)"),
        ({"id": ["a"]}, "Invalid ID parameter: a (not a string)"),
        ({"id": "valueOf"}, "Malformed parameter: id"),
        ({"id": "constructor"}, "Invalid ID parameter: constructor (reserved word)"),
        ({"id": "0"}, "Invalid ID parameter: 0 (reserved word)"),
        ({"id": "x" * 300}, "Malformed parameter: id"),
        ({"id": "abc\n"}, "Malformed parameter: id"),
        ({"icon": "a b"}, "Malformed icon parameter: Contains illegal characters"),
        ({"toString": 1}, "Invalid parameter: toString (illegal key)"),
        ({"targets": ...}, "Event has no targets specified."),
    ],
)
def test_a_malformed_event_is_refused(call, change, text):
    body = {key: value for key, value in {**EVENT, **change}.items() if value is not ...}
    assert_error(call("create_event", body), 400, "api", text)


@pytest.mark.parametrize(
    ("state", "text"),
    [
        ("x", "Malformed parameter type: update_state (string)"),
        ([], "Malformed parameter type: update_state (object)"),
        ({"cursor": "5"}, "Malformed parameter value: update_state"),
        ({"cursor": True}, "Malformed parameter value: update_state"),
        ({"cursor": -1}, "Malformed parameter value: update_state"),
        ({"nth": 1e300}, "Malformed parameter value: update_state"),
        ({"total_count": 5}, "Malformed parameter value: update_state"),
    ],
)
def test_senseless_state_is_refused(call, event, state, text):
    for name in ("create_event", "update_event"):
        body = {**EVENT, "id": event, "update_state": state}
        assert_error(call(name, body), 400, "api", text)


def test_state_is_taken_and_not_stored_in_the_event(call):
    body = {**EVENT, "id": "e1", "update_state": {"cursor": 5}}
    assert "update_state" not in call("create_event", body).json["event"]
    reply = call("update_event", {"id": "e1", "update_state": {"nth": 2}})
    assert "update_state" not in reply.json["event"]


def test_of_those_who_create_the_same_event_one_wins(call):
    statuses = []

    def create():
        statuses.append(call("create_event", {**EVENT, "id": "e1"}).status_code)

    threads = [threading.Thread(target=create) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(30)
    assert sorted(statuses) == [200, 409, 409, 409]


def test_markup_is_taken_out_of_notes(call):
    event = call("create_event", {**EVENT, "notes": "a <script>b</script>"}).json["event"]
    assert event["notes"] == "a b"


def test_a_run_is_accepted_by_json_query_form_and_multipart(call, event):
    assert accepted(call("run_event", {"id": event, "label": "x"}))["label"] == "x"
    assert accepted(call(f"/api/app/run_event/v1?id={event}&label=x"))["label"] == "x"
    assert accepted(call("run_event", data={"id": event, "label": "x"}))["label"] == "x"
    parts = multipart(("id", None, event.encode()), ("label", None, b"x"))
    assert accepted(call("run_event", **parts))["label"] == "x"


def test_an_event_is_found_by_title_too(call, event):
    assert accepted(call("run_event", {"title": "Test"}))["event"] == event
    assert_error(call("run_event", {"title": "Nope"}), 404, "event", "Event not found: Nope")
    reply = call("run_event", {"id": "nosuch", "title": "Test"})
    assert_error(reply, 404, "event", "Event not found: nosuch")


def test_nested_names_and_json_become_parameters(call, event):
    reply = call("run_event", data={"id": event, "params/a": "1", "json": '{"label":"x"}'})
    job = accepted(reply)
    assert job["label"] == "x"
    assert job["params"]["a"] == "1"
    assert job["params"]["script"] == EVENT["params"]["script"]


def test_json_alone_may_name_the_event(call, event):
    assert accepted(call("run_event", {"json": f'{{"id":"{event}"}}'}))["event"] == event


@pytest.mark.parametrize("params", ["x", [1], None, 5])
def test_params_that_are_no_object_count_as_none(call, event, params):
    assert accepted(call("run_event", {"id": event, "params": params}))["params"] == EVENT["params"]


def test_the_body_may_be_kept_whole(call, event):
    job = accepted(call(f"/api/app/run_event/v1?id={event}&post_data=1", {"id": "x", "a": [1]}))
    assert job["post_data"] == {"id": "x", "a": [1]}
    assert job["event"] == event
    assert "a" not in job


def test_files_become_input(app, call, event):
    parts = multipart(("id", None, event.encode()), ("file1", "in put.txt", b"abc"))
    job_id = call("run_event", **parts).json["id"]
    [file] = json.loads(factories.load(job_id).input)["files"]
    assert (file["filename"], file["size"]) == ("in put.txt", 3)
    assert call("/" + file["path"]).data == b"abc"


@pytest.mark.parametrize(
    ("name", "content", "text"),
    [
        ("", b"abc", "File 'f' is missing required name property, or name is invalid."),
        ("...", b"abc", "File 'f' is missing required name property, or name is invalid."),
        ("x", b"", "File 'f' is missing required size property, or is zero bytes."),
    ],
)
def test_files_without_name_or_content_are_refused(nobody, name, content, text):
    parts = multipart(("id", None, b"etest"), ("f", name, content))
    assert_error(nobody("run_event", **parts), 400, "api", text)


@pytest.mark.parametrize(
    ("body", "code", "text"),
    [
        ({}, "event", "Failed to locate event: No criteria specified"),
        ({"id": ""}, "event", "Failed to locate event: No criteria specified"),
        ({"id": None, "title": 0}, "event", "Failed to locate event: No criteria specified"),
        ({"title": 5}, "api", "Malformed parameter type: title (number)"),
        ({"title": {"a": 1}}, "api", "Malformed parameter type: title (object)"),
        ({"json": "{bad"}, "api", "Failed to parse JSON: SyntaxError: Expected property name"),
        ({"json": "[" * 100_000}, "api", "Failed to parse JSON: SyntaxError: Nested"),
        ({"json": {"a": 1}}, "api", "Failed to parse JSON: SyntaxError: Unexpected token"),
        ({"id": "e", "input": "x"}, "api", "Malformed event parameter: input (must be object)"),
        ({"id": "e", "input": [1]}, "api", "Malformed event parameter: input (must be object)"),
        ({"id": "e", "timeout": "soon"}, "api", "Malformed parameter: timeout"),
        ({"id": "e", "timeout": -1}, "api", "Malformed parameter: timeout"),
        ({"id": "e", "timeout": {"a": 1}}, "api", "Malformed parameter: timeout"),
    ],
)
def test_a_malformed_run_is_refused_before_the_key_matters(nobody, body, code, text):
    assert_error(nobody("run_event", body), 400, code, text)


@pytest.mark.parametrize(
    ("event_id", "shown"),
    [(123, "123"), ({"a": 1}, "[object Object]"), ("BAD-ID!", "BAD-ID!"), (["a"], "a")],
)
def test_an_id_that_names_no_event_is_not_found(call, event_id, shown):
    reply = call("run_event", {"id": event_id})
    assert_error(reply, 404, "event", f"Event not found: {shown}")


def test_wait_answers_with_the_job_as_it_stands_when_time_is_up(call, event, monkeypatch):
    # The thread that followed the job must not outlive the test's database.
    monkeypatch.setattr(follow, "_LINGER_SECONDS", 0.0)
    reply = call(f"/api/app/run_event/v1/wait?id={event}&timeout=0.05")
    assert reply.json["job"]["state"] == "ready"
    assert "timeout" not in reply.json["job"]
    for thread in threading.enumerate():
        if "_listen" in thread.name:
            thread.join(10)
            assert not thread.is_alive()


def test_events_of_other_categories_are_out_of_reach(make_key, event):
    limited = make_key(categories=["other"], privileges={"run_jobs": 1, "edit_events": 1})
    text = "You do not have the required account privileges to access category ID general."
    for name in ("get_event", "run_event", "update_event"):
        assert_error(limited(name, {"id": event}), 403, "access", text)
    assert limited("get_events").json["rows"] == []


@pytest.mark.parametrize(
    "how",
    [
        {"headers": {"Idempotency-Key": "once"}},
        {"query_string": {"idempotency_key": "once"}},
        {"body": {"id": "etest", "idempotency_key": "once"}},
        {"body": {"id": "etest", "idempotency_key": "x"}, "headers": {"Idempotency-Key": "once"}},
    ],
)
def test_run_event_with_an_idempotency_key(call, event, how):
    first = call("run_event", {"id": event}, headers={"Idempotency-Key": "once"}).json["id"]
    assert call("run_event", **{"body": {"id": event}, **how}).json["id"] == first
    job = call("get_job", {"id": first}).json["job"]
    assert "once" not in json.dumps(job)
    reused = call("run_event", {"id": event, "label": "x"}, headers={"Idempotency-Key": "once"})
    assert_error(reused, 409, "api", "Idempotency key was used before")


@pytest.mark.parametrize(
    ("key", "text"),
    [
        ("x" * 256, "Malformed parameter value: idempotency_key"),
        (5, "Malformed parameter type: idempotency_key (number)"),
        ({"a": 1}, "Malformed parameter type: idempotency_key (object)"),
    ],
)
def test_malformed_idempotency_keys(call, event, key, text):
    assert_error(call("run_event", {"id": event, "idempotency_key": key}), 400, "api", text)


@pytest.mark.parametrize("key", ["", None, 0, False])
def test_an_empty_idempotency_key_is_none(call, event, key):
    ids = [call("run_event", {"id": event, "idempotency_key": key}).json["id"] for _ in range(2)]
    assert ids[0] != ids[1]


def test_an_idempotency_key_is_never_a_filter(call, event):
    assert (
        call("/api/app/get_events/v1?idempotency_key=x").json["rows"]
        == call("get_events").json["rows"]
    )
