"""Events: creating, finding, changing and deleting them."""

import dataclasses
import hashlib
import threading
import time
from itertools import chain

import pytest

from core import blobs, json
from core.errors import BadRequest, Conflict, Forbidden, NotFound
from models.database import db
from models.job import Job
from models.plugin import Plugin
from services import events
from tests.services.event_fixtures import ADMIN, EDITOR, SCRIPT, app, new_event

pytestmark = pytest.mark.usefixtures("app")
__all__ = ["app"]

LIMITED = dataclasses.replace(EDITOR, categories=frozenset({"secret"}))
GROUPED = dataclasses.replace(EDITOR, groups=frozenset({"fast"}))
OTHER_ADMIN = dataclasses.replace(ADMIN, name="carl")
DEFAULT_SCRIPT = "#!/bin/sh\n\n# Enter your shell script code here"
NAME = {"id": "name", "type": "text", "value": "ann"}


def create(caller=ADMIN, **changes):
    return events.create(events.validate_new(new_event(**changes)), caller)


def add_job(job_id, event_id, state, **document):
    final = state == "complete"
    document = {"id": job_id, "category": "general", "targets": ["main"]} | document
    values = {"head": json.dumps(document), "heavy": "{}"} if final else {}

    def work(connection):
        Job.insert(
            connection,
            id=job_id,
            event=event_id,
            state=state,
            final=final,
            queue_key=event_id,
            started=1.0,
            doc=json.dumps(document),
            **values,
        )

    db.write(work)


def job_ids():
    return db.read(lambda connection: set(connection.scalars(db.select(Job.id))))


def test_a_new_event_gets_what_it_lacks():
    event = create()
    assert event["id"].startswith("e")
    assert len(event["id"]) == 16
    assert (event["limits"], event["actions"], event["fields"]) == ([], [], [])
    assert (event["username"], event["revision"]) == ("ann", 1)
    assert event["created"] == event["modified"] == int(event["created"])
    assert abs(event["created"] - time.time()) < 60
    assert events.get(event["id"], ADMIN) == {"event": event, "jobs": [], "queued": 0}


def test_unknown_keys_are_kept_and_launch_keys_dropped():
    launch = dict.fromkeys(("command", "script", "uid", "gid", "cwd", "env", "kill", "runner"), "x")
    ours = {"username": "eve", "created": 5, "modified": 5, "revision": 9, "type": ""}
    event = create(id="e1", colour=["red"], update_state={"cursor": 5}, **launch, **ours)
    assert event["colour"] == ["red"]
    assert not {"update_state", "type", *launch} & event.keys()
    assert (event["username"], event["revision"]) == ("ann", 1)


def test_an_id_can_be_used_once():
    create(id="e1")
    with pytest.raises(Conflict) as caught:
        create(id="e1", title="Other")
    assert (caught.value.code, caught.value.description) == (
        "event",
        "That Event ID already exists: e1",
    )
    assert events.get("e1", ADMIN)["event"]["title"] == "Backup"


def test_a_bad_event_is_refused_before_anybody_is_asked_who_it_is():
    with pytest.raises(BadRequest, match="Category not found: nosuch"):
        events.validate_new(new_event(category="nosuch"))
    with pytest.raises(BadRequest, match="Workflow events are not available yet"):
        events.validate_new(new_event(type="workflow"))


def test_limited_callers_create_only_where_they_may():
    with pytest.raises(Forbidden):
        create(LIMITED)
    with pytest.raises(Forbidden):
        create(GROUPED)
    assert create(GROUPED, targets=["fast"])["targets"] == ["fast"]


def test_locked_parameters_are_for_administrators():
    assert create(ADMIN)["params"]["script"] == SCRIPT
    event = create(EDITOR, id="e1", params={"script": SCRIPT, "annotate": True})
    assert event["params"] == {"script": DEFAULT_SCRIPT, "annotate": True}
    assert events.get("e1", ADMIN)["event"] == event


def test_triggers_are_stored_complete():
    hidden = {"id": "secret", "type": "hidden", "value": {"a": [1]}}
    event = create(
        id="e1",
        fields=[NAME, hidden, {"id": "blank", "type": "text"}],
        triggers=[
            {"type": "manual", "enabled": True},
            {"type": "startup", "params": {"name": "bob", "secret": "mine"}},
            {"type": "single", "epoch": 1795434873.5},
            {"type": "range", "start": 119, "end": 0},
            {"type": "magic", "key": "open"},
        ],
    )
    manual, startup, single, range_, magic = event["triggers"]
    assert manual == {"type": "manual", "enabled": True}
    assert startup["params"] == {"name": "bob", "secret": {"a": [1]}}
    assert single == {
        "type": "single",
        "epoch": 1795434840,
        "params": {"name": "ann", "secret": {"a": [1]}},
    }
    assert range_ == {"type": "range", "start": 60, "end": 0}
    assert magic == {"type": "magic", "token": hashlib.sha256(b"opene1").hexdigest()}


def test_defaults_that_would_blow_up_an_event_are_refused():
    large = {"id": "x", "type": "json", "value": ["y" * 100] * 1000}
    assert create(fields=[large], triggers=[{"type": "startup"}])
    with pytest.raises(BadRequest, match="default values are too large"):
        create(fields=[large], triggers=[{"type": "startup"}] * 100)
    with pytest.raises(BadRequest, match="more than 250 entries"):
        create(fields=[large] * 1000, triggers=[{"type": "startup"}] * 100_000)


def test_update_merges_and_counts():
    before = create(id="e1", limits=[{"type": "job", "enabled": True, "amount": 1}], notes="x")
    changes = {"id": "e1", "title": "Other", "params": {"script": "x"}, "type": "workflow"}
    after = events.update(changes | {"username": "eve", "created": 1}, OTHER_ADMIN)
    assert after == before | {
        "title": "Other",
        "params": {"script": "x"},
        "revision": 2,
        "modified": after["modified"],
    }
    assert events.get("e1", ADMIN)["event"] == after
    assert db.read(lambda connection: events.find(connection, None, "Other")) == after


def test_update_of_an_unknown_event():
    with pytest.raises(NotFound) as caught:
        events.update({"id": "nosuch"}, ADMIN)
    assert (caught.value.code, caught.value.description) == ("event", "Event not found: nosuch")


def test_update_checks_the_whole_event():
    create(id="e1")
    with pytest.raises(BadRequest, match="Unknown tag: nosuch"):
        events.update({"id": "e1", "tags": ["nosuch"]}, ADMIN)
    with pytest.raises(BadRequest, match=r"Parameter 'script' is required"):
        events.update({"id": "e1", "params": {}}, ADMIN)
    with pytest.raises(BadRequest, match="Malformed parameter type: title"):
        events.update({"id": "e1", "title": None}, ADMIN)
    assert events.get("e1", ADMIN)["event"]["revision"] == 1


def test_update_of_an_old_revision():
    create(id="e1")
    with pytest.raises(Conflict) as caught:
        events.update({"id": "e1", "revision": 99}, ADMIN)
    assert (caught.value.code, caught.value.description) == (
        "event",
        "Event out of date: e1 (Revision mismatch: 99 != 1)",
    )
    assert events.update({"id": "e1", "revision": "1"}, ADMIN)["revision"] == 2
    assert events.update({"id": "e1", "revision": 0}, ADMIN)["revision"] == 3


def test_update_keeps_locked_parameters():
    create(id="e1", params={"script": SCRIPT, "annotate": False})
    event = events.update({"id": "e1", "params": {"script": "evil", "annotate": True}}, EDITOR)
    assert event["params"] == {"script": SCRIPT, "annotate": True}
    event = events.update({"id": "e1", "title": "Other"}, EDITOR)
    assert event["params"] == {"script": SCRIPT, "annotate": True}
    event = events.update(
        {"id": "e1", "plugin": "httpplug", "params": {"url": "http://inside/"}}, EDITOR
    )
    assert event["params"] == {"url": ""}


def test_update_needs_access_before_and_after():
    create(id="e1", targets=["main"])
    create(id="e2", targets=["fast"])
    with pytest.raises(Forbidden):
        events.update({"id": "e1", "targets": ["fast"]}, GROUPED)
    with pytest.raises(Forbidden):
        events.update({"id": "e2", "targets": ["main"]}, GROUPED)


def test_update_hashes_new_keys_and_keeps_old_tokens():
    create(id="e1", triggers=[{"type": "magic", "key": "open"}])
    token = hashlib.sha256(b"opene1").hexdigest()
    assert events.update({"id": "e1"}, ADMIN)["triggers"] == [{"type": "magic", "token": token}]
    changed = [{"type": "magic", "token": token, "key": "shut"}]
    after = events.update({"id": "e1", "triggers": changed}, ADMIN)
    assert after["triggers"][0]["token"] == hashlib.sha256(b"shute1").hexdigest()


def test_concurrent_updates_all_count(app):
    create(id="e1")

    def update(number):
        with app.app_context():
            events.update({"id": "e1", f"key{number}": number}, ADMIN)

    threads = [threading.Thread(target=update, args=(number,)) for number in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(30)
    event = events.get("e1", ADMIN)["event"]
    assert event["revision"] == 9
    assert [event[f"key{number}"] for number in range(8)] == list(range(8))


def test_get_shows_active_jobs_that_the_caller_may_see():
    create(id="e1", targets=["main", "fast"])
    add_job("j1", "e1", "active")
    add_job("j2", "e1", "active", targets=["fast"])
    add_job("j3", "e1", "queued")
    add_job("j4", "e1", "complete")
    found = events.get("e1", ADMIN)
    assert [job["id"] for job in found["jobs"]] == ["j1", "j2"]
    assert found["queued"] == 1
    assert [job["id"] for job in events.get("e1", GROUPED)["jobs"]] == ["j2"]
    with pytest.raises(Forbidden):
        events.get("e1", LIMITED)


def test_get_of_an_unknown_event():
    for unknown in ("nosuch", "%", "E1"):
        with pytest.raises(NotFound) as caught:
            events.get(unknown, ADMIN)
        assert (caught.value.code, caught.value.description) == (
            "notfound",
            f"Failed to locate event: {unknown}",
        )


def test_list_all_filters_loosely_and_by_access():
    create(id="e1", tags=["flag"])
    create(id="e2", targets=["fast"], number=5)

    def ids(filters, caller=ADMIN):
        texts = chain.from_iterable(events.listing(filters, caller))
        return [json.loads(text)["id"] for text in texts]

    assert ids({}) == ["e1", "e2"]
    assert ids({"tags": "flag"}) == ["e1"]
    assert ids({"enabled": "1", "number": "5"}) == ["e2"]
    assert ids({"tags": ["flag"]}) == []
    assert ids({"number": None}) == ["e1"]
    assert ids({}, GROUPED) == ["e2"]
    assert ids({}, LIMITED) == []


def test_find_by_id_or_title():
    create(id="e1", title="Backup")
    create(id="e2", title="Backup")

    def found(event_id, title=None):
        event = db.read(lambda connection: events.find(connection, event_id, title))
        return event and event["id"]

    assert found("e2", "nosuch") == "e2"
    assert found("", "Backup") == "e1"
    assert found(None, "Back%") is None
    assert found("E1") is None
    assert found("a\0b") is found(None, "a\0b") is None
    for strange in (123, {"a": 1}, ["e1", "e2"], True):
        assert found(strange) is None
    assert events.criteria_text({"id": {"a": 1}}) == "[object Object]"
    assert events.criteria_text({"id": "", "title": "x"}) == "x"


def test_delete():
    create(id="e1")
    events.delete("e1", ADMIN)
    with pytest.raises(NotFound) as caught:
        events.delete("e1", ADMIN)
    assert (caught.value.code, caught.value.description) == ("event", "Event not found: e1")


def test_delete_needs_access():
    create(id="e1")
    with pytest.raises(Forbidden):
        events.delete("e1", LIMITED)


@pytest.mark.parametrize("state", ["queued", "active", "finishing"])
def test_delete_is_refused_while_jobs_live(state):
    create(id="e1")
    add_job("j1", "e1", state)
    add_job("j2", "e1", "complete")
    with pytest.raises(Conflict) as caught:
        events.delete("e1", ADMIN, delete_jobs=True)
    assert caught.value.description == "Failed to delete event: 1 active jobs found"
    assert job_ids() == {"j1", "j2"}
    assert events.get("e1", ADMIN)


def test_delete_with_its_jobs(app):
    create(id="e1")
    create(id="e2")
    for number in range(120):
        add_job(f"j{number}", "e1", "complete")
    add_job("jother", "e2", "complete")
    log = blobs.log_path(app.config["INSTANCE_PATH"], "j5")
    log.parent.mkdir(parents=True)
    log.write_text("hello\n")
    events.delete("e1", ADMIN, delete_jobs=True)
    assert job_ids() == {"jother"}
    assert not log.exists()


def test_delete_keeps_jobs_unless_asked():
    create(id="e1")
    add_job("j1", "e1", "complete")
    events.delete("e1", ADMIN)
    assert job_ids() == {"j1"}


def fill(params, caller_is_admin, plugin="shellplug", changes=None):
    event = new_event(fields=[NAME]) | (changes or {})
    document = db.read(lambda connection: Plugin.get(connection, plugin))
    return events.fill_params(event, document, params, is_admin=caller_is_admin)


def test_fill_params_takes_the_callers_then_the_events_then_the_fields():
    assert fill({}, True) == {"name": "ann", "script": SCRIPT}
    assert fill({"name": "", "x": 1}, True) == {"name": "", "script": SCRIPT, "x": 1}
    assert fill({}, True, changes={"params": {"name": "bob"}}) == {"name": "bob"}
    assert fill({"script": "mine"}, True)["script"] == "mine"


def test_fill_params_forces_locked_ones():
    assert fill({"script": "evil", "annotate": True}, False) == {
        "name": "ann",
        "script": SCRIPT,
        "annotate": True,
    }
    assert fill({"url": "http://inside/"}, False, plugin="httpplug")["url"] == ""
    event = new_event(params={})
    assert events.fill_params(event, None, {"script": "x"}, is_admin=False) == {"script": "x"}
