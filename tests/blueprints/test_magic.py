"""Magic links: who may run what by them, and what they say to those who may not."""

import hashlib
import io

import pytest

from core import json
from models.category import Category
from models.database import db
from models.plugin import Plugin
from tests import factories
from tests.blueprints.api import EVENT, assert_error, multipart

KEY = "the key of the link"
FIELDS = [
    {"id": "who", "type": "text", "title": "Who", "value": "World"},
    {"id": "age", "type": "text", "title": "Age", "range": "1-99", "value": "5"},
]


def token_of(event_id, key=KEY):
    return hashlib.sha256((key + event_id).encode()).hexdigest()


@pytest.fixture
def make(call):
    """Creates an event with a magic link; returns the link's path."""

    def create(event_id="emagic", **changes):
        trigger = {"type": "magic", "enabled": True, "key": KEY}
        event = {"id": event_id, **EVENT, "fields": FIELDS, "triggers": [trigger], **changes}
        reply = call("create_event", event)
        assert reply.status_code == 200, reply.text
        return f"/api/app/magic/v1/{token_of(event_id)}"

    return create


def job_of(reply):
    assert reply.status_code == 200, reply.text
    return factories.load(reply.json["id"])


def document(row):
    return json.loads(row.doc)


def test_a_link_runs_its_event(make, nobody):
    path = make()
    reply = nobody(f"{path}?who=Ann&age=7", {"who": "Bob", "n": 1, "input": {"data": {"x": 1}}})
    assert set(reply.json) == {"code", "description", "id", "stream"}
    assert reply.json["description"] == "Your job has started in the background."
    row = job_of(reply)
    job = document(row)
    assert (job["source"], job["username"], job["event"]) == ("magic", "admin", "emagic")
    assert job["params"]["script"] == EVENT["params"]["script"]
    assert {key: job["params"][key] for key in ("who", "age", "n")} == {
        "who": "Ann",
        "age": "7",
        "n": 1,
    }
    assert json.loads(row.input) == {"data": {"x": 1}}
    told = [entry["msg"] for entry in json.loads(row.activity)]
    assert told == [f"xyOps job starting: #{row.id}", "Source: Magic", "Event ID: #emagic"]
    stream = f"/api/app/stream_job/v1?id={row.id}&token={reply.json['stream']}"
    factories.finish_job(row.id, log=b"")
    assert "event: end" in nobody(stream).text


@pytest.mark.parametrize("ending", ["", "/", "/whatever/else", "/wait?x=1"])
@pytest.mark.parametrize("version", ["", "/v1", "/v2"])
def test_every_form_of_the_url(make, nobody, monkeypatch, ending, version):
    monkeypatch.setattr("blueprints.streams.wait_for_job", lambda job_id, _: {"waited": job_id})
    path = make().replace("/v1", version)
    reply = nobody(path + ending)
    assert reply.json["code"] == 0
    assert ("waited" in reply.json) == ("/wait" in ending)


@pytest.mark.parametrize(
    ("path", "text"),
    [
        ("", "Malformed URL."),
        ("/v1", "Malformed URL."),
        ("/v1/", "Malformed URL."),
        ("/v1/a.b", "Malformed URL."),
        ("/v1/%C3%A9", "Malformed URL."),
        ("/v1/" + "x" * 256, "Malformed URL."),
        ("/v1/nosuchtoken", "Authentication failed."),
        ("/v1/" + token_of("eother"), "Authentication failed."),
    ],
)
def test_links_that_lead_nowhere(make, nobody, path, text):
    make()
    reply = nobody(f"/api/app/magic{path}")
    assert reply.status_code == (400 if path else 200)
    assert reply.json == {"code": "api", "description": text}


def test_a_bad_link_is_refused_before_its_body_is_read(nobody):
    body = io.BytesIO(b"{" * 1_500_000)
    options = {"data": body, "content_type": "application/json"}
    assert_error(nobody("/api/app/magic/v1/x", **options), 400, "api", "Authentication failed.")


@pytest.mark.parametrize("trigger", [{"enabled": False}, {"enabled": True, "type": "manual"}])
def test_only_an_enabled_magic_trigger_counts(make, call, nobody, trigger):
    path = make()
    stored = {"type": "magic", "token": token_of("emagic"), **trigger}
    call("update_event", {"id": "emagic", "triggers": [stored]})
    assert_error(nobody(path), 400, "api", "Authentication failed.")


def test_a_link_changes_with_its_event(make, call, nobody):
    path = make()
    call(
        "update_event",
        {"id": "emagic", "triggers": [{"type": "magic", "enabled": True, "key": "b"}]},
    )
    assert_error(nobody(path), 400, "api", "Authentication failed.")
    path = f"/api/app/magic/v1/{token_of('emagic', 'b')}"
    assert nobody(path).json["code"] == 0
    call("update_event", {"id": "emagic", "notes": "kept"})
    assert nobody(path).json["code"] == 0
    call("update_event", {"id": "emagic", "enabled": False})
    assert_error(nobody(path), 400, "event", f"Event is disabled: {EVENT['title']}")
    make("eother")
    call("delete_event", {"id": "eother"})
    other = f"/api/app/magic/v1/{token_of('eother')}"
    assert_error(nobody(other), 400, "api", "Authentication failed.")


@pytest.mark.parametrize(
    ("params", "text"),
    [
        ({"input": [1]}, "Malformed event parameter: input (must be object)"),
        ({"json": "{"}, "Failed to parse JSON: SyntaxError: "),
        (
            {"_xy_override_plugin": "x"},
            "Magic trigger params: Invalid parameter ID: _xy_override_plugin (reserved)",
        ),
        ({"json": '{"_xy_override_id": "x"}'}, "Magic trigger params: Invalid parameter ID: _xy_"),
        ({"age": "100"}, "Event: Parameter 'age' value is invalid (1-99)."),
        ({"_xy_override_targets": "a b"}, "Malformed target: a b"),
        ({"idempotency_key": 5}, "Malformed parameter type: idempotency_key (number)"),
    ],
)
def test_parameters_that_are_refused(make, nobody, params, text):
    assert_error(nobody(make(), params), 400, "api", text)


def test_the_plugins_own_parameters(make, nobody):
    params = [
        {"id": "locked", "type": "text", "locked": True, "value": "default"},
        {"id": "needed", "type": "text", "required": True},
    ]
    record = db.read(lambda connection: Plugin.get(connection, "testplug"))
    changes = record | {"params": params}
    db.write(lambda connection: Plugin.replace(connection, changes))
    path = make(plugin="testplug", params={"locked": "event's", "needed": "x"})
    text = "Plugin: Parameter 'needed' is required."
    assert_error(nobody(path, {"needed": ""}), 400, "api", text)
    job = document(job_of(nobody(path, {"locked": "mine", "json": '{"needed": "y"}'})))
    assert (job["params"]["locked"], job["params"]["needed"]) == ("event's", "y")
    assert "json" not in job["params"]


def test_parameters_may_have_macros_and_overrides(make, nobody):
    params = {"who": "{{ event }}", "_xy_override_label": "{{ params.who }}"}
    job = document(job_of(nobody(make(), params)))
    assert (job["params"]["who"], job["label"]) == ("emagic", "emagic")


def limit(**values):
    return {"limits": [{"type": "file", "enabled": True, **values}]}


FILES = multipart(("a", "in put.txt", b"12345"), ("b", "b.txt", b"678"), ("who", None, b"Ann"))


def test_files_become_input(make, nobody, app):
    row = job_of(nobody(make(**limit(amount=2, size=8)), **FILES))
    files = json.loads(row.input)["files"]
    assert [file["filename"] for file in files] == ["in put.txt", "b.txt"]
    assert all(file["magic"] is True and "username" not in file for file in files)
    assert files[0]["path"].startswith("files/magic/")
    assert (app.config["INSTANCE_PATH"] / files[0]["path"]).read_bytes() == b"12345"
    assert document(row)["params"]["who"] == "Ann"


@pytest.mark.parametrize(
    ("values", "text"),
    [
        ({"amount": 0}, "Event does not allow file uploads."),
        ({"amount": 1}, "Uploaded file count exceeds limit (1)."),
        ({"amount": 5, "size": 7}, "Uploaded file total size exceeds limit (7 bytes)"),
    ],
)
def test_files_beyond_the_events_limit(make, nobody, app, values, text):
    assert_error(nobody(make(**limit(**values)), **FILES), 400, "event", text)
    assert not list((app.config["INSTANCE_PATH"] / "files").rglob("*.txt"))


def test_files_beyond_the_categorys_limit(make, nobody):
    record = db.read(lambda connection: Category.get(connection, "general"))
    changes = record | limit(amount=0)
    db.write(lambda connection: Category.replace(connection, changes))
    text = "Event does not allow file uploads."
    assert_error(nobody(make(), **FILES), 400, "event", text)


def test_requests_that_are_too_large(make, nobody, app):
    app.config["MAX_MAGIC_BYTES"] = 100
    text = "The request body is larger than 100 bytes."
    path = make()
    assert_error(nobody(path, **FILES), 413, "api", text)
    assert_error(nobody(path, {"x": "x" * 100}), 413, "api", text)
    assert nobody(path, {"x": "x" * 50}).json["code"] == 0


def test_a_repetition_with_the_same_key_brings_the_same_job(make, nobody):
    path = make()
    replies = [nobody(path, headers={"Idempotency-Key": "k"}).json for _ in range(2)]
    assert replies[0]["id"] == replies[1]["id"]
    assert_error(
        nobody(path, {"who": "x"}, headers={"Idempotency-Key": "k"}), 409, "api", "Idempotency"
    )


def test_a_defect_logs_no_token(make, nobody, monkeypatch, caplog):
    def fail(*_):
        raise RuntimeError

    monkeypatch.setattr("services.magic.run", fail)
    path = make()
    assert_error(nobody(path), 500, "internal", "Internal server error")
    assert "/api/app/magic/v1/*** failed" in caplog.text
    assert path not in caplog.text
