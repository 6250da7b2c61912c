"""Accepting a run: what is refused, and what the job is made of."""

import io
import time

import pytest

from core import json
from core.errors import BadRequest, Forbidden, NotFound, Unavailable
from models.category import Category
from models.database import db
from models.job import Job
from models.plugin import Plugin
from services import files, runs
from tests.factories import ADMIN, application, limited, load, stored_event


def run(event, caller=ADMIN, uploads=(), **wishes):
    return load(runs.run({"id": event["id"], **wishes}, uploads, caller))


def document(row):
    return json.loads(row.doc)


def told(row):
    return [entry["msg"] for entry in json.loads(row.activity)]


class Upload:
    """An uploaded file."""

    def __init__(self, name, data):
        self.field = "file"
        self.filename = name
        self.stream = io.BytesIO(data)
        self.size_bytes = len(data)


def jobs_count():
    return len(db.read(lambda connection: connection.execute(Job.__table__.select()).all()))


def test_a_run_is_a_ready_job_made_of_its_event(app):
    event = stored_event(icon="star", notes="n")
    row = run(event)
    job = document(row)
    assert (row.state, row.final, row.event, row.rank) == ("ready", False, event["id"], 1)
    assert row.id.startswith("j")
    assert len(row.id) == 16
    assert (job["icon"], job["notes"], job["category"]) == ("star", "n", "general")
    assert (job["source"], job["username"]) == ("key", "kadmin")
    assert (job["command"], job["script"], job["kill"]) == ("[shell-plugin]", "", "all")
    assert not {"title", "enabled", "triggers", "created", "modified", "revision"} & job.keys()
    assert (job["tags"], job["env"], job["log_file_size"]) == ([], {}, 0)
    assert told(row) == [
        f"xyOps job starting: #{row.id}",
        "Source: Key",
        f"Event ID: #{event['id']}",
    ]


def test_by_title(app):
    event = stored_event(title="By title")
    assert load(runs.run({"title": "By title"}, (), ADMIN)).event == event["id"]


@pytest.mark.parametrize(
    ("changes", "error", "text"),
    [
        ({"enabled": False}, BadRequest, "Event is disabled: "),
        ({"triggers": []}, BadRequest, "Event does not allow manual job runs: "),
        (
            {"triggers": [{"type": "manual", "enabled": False}]},
            *(BadRequest, "Event does not allow manual job runs: "),
        ),
    ],
)
def test_events_that_may_not_be_run(app, changes, error, text):
    event = stored_event(**changes)
    with pytest.raises(error, match=f"^{text}") as caught:
        run(event)
    assert caught.value.code == "event"
    assert jobs_count() == 0
    assert document(run(event, test=True))["test"]


def test_an_unknown_event(app):
    with pytest.raises(NotFound, match=r"^Event not found: enone") as caught:
        runs.run({"id": "enone"}, (), ADMIN)
    assert caught.value.code == "event"


@pytest.mark.parametrize(
    ("table", "key", "changes", "text"),
    [
        (Category, "general", {"enabled": False}, "Category is disabled: "),
        (Plugin, "shellplug", {"enabled": False}, "Plugin is disabled: "),
    ],
)
def test_disabled_parts_refuse_runs_but_not_tests(app, table, key, changes, text):
    event = stored_event()
    record = db.read(lambda connection: table.get(connection, key))
    db.write(lambda connection: table.replace(connection, record | changes))
    with pytest.raises(BadRequest, match=f"^Failed to launch job: {text}"):
        run(event)
    assert run(event, test=True)


def test_access_to_the_event_and_to_other_targets(app):
    event = stored_event()
    with pytest.raises(Forbidden, match="category ID general"):
        run(event, limited(categories=["other"]))
    with pytest.raises(Forbidden, match="targets: main"):
        run(event, limited(groups=["gpu"]))
    with pytest.raises(Forbidden, match="targets: gpu"):
        run(event, limited(groups=["main"]), targets=["gpu"])
    assert run(event, limited(groups=["main"], categories=["general"]))


def test_wishes_override_the_event_and_stripped_ones_do_not(app):
    stripped = (
        *("command", "script", "uid", "gid", "cwd", "env", "kill", "runner", "category", "type"),
        *("server", "pid", "code", "final", "output", "source", "username", "api_key"),
    )
    wishes = {"label": "l", "algo": "least_cpu", "custom": {"a": 1}, "priority": True}
    row = run(stored_event(), **wishes, **dict.fromkeys(stripped, "evil"))
    job = document(row)
    assert (job["label"], job["algo"], job["custom"]) == ("l", "least_cpu", {"a": 1})
    assert row.rank == 0
    assert "evil" not in row.doc


def test_parameters_are_filled_and_locked_ones_kept(app):
    event = stored_event(params={"script": "original", "other": 1})
    assert document(run(event, params={"script": "mine"}))["params"]["script"] == "mine"
    caller = limited(privileges=["run_jobs"])
    params = document(run(event, caller, params={"script": "mine", "new": 2}))["params"]
    assert (params["script"], params["new"], params["other"]) == ("original", 2, 1)


@pytest.mark.parametrize("params", ["text", [1], None, 5])
def test_parameters_that_are_no_object_count_as_none(app, params):
    assert document(run(stored_event(), params=params))["params"]["script"]


def test_a_category_adds_its_enabled_limits_and_actions(app):
    limit = {"type": "time", "enabled": True, "duration": 5}
    action = {"type": "tag", "condition": "complete", "enabled": True, "tags": ["flag"]}
    record = db.read(lambda connection: Category.get(connection, "general"))
    changes = {"limits": [limit, limit | {"enabled": False}], "actions": [action]}
    db.write(lambda connection: Category.replace(connection, record | changes))
    event = stored_event()
    job = document(run(event))
    assert job["limits"] == [limit | {"source": "category"}]
    assert job["actions"][0] == action | {"source": "category"}
    (snapshot,) = job["actions"][1:]
    assert (snapshot["type"], snapshot["source"]) == ("snapshot", "universal")
    job = document(run(event, test=True))
    assert (job["limits"], job["actions"]) == ([], [])
    assert document(run(event, test=True, test_limits=[1]))["limits"]


@pytest.mark.parametrize("state", ["start_delay", "retry_delay"])
def test_a_delay_waits_for_its_moment(app, monkeypatch, state):
    now = time.time()
    monkeypatch.setattr("core.clock.now", lambda: now)
    until = now + 90.5
    row = run(stored_event(), state=state, until=until)
    assert (row.state, row.until) == (state, until)
    assert told(row)[3] == "Job will be delayed for 1 minute, 30 seconds"


@pytest.mark.parametrize(
    "wishes",
    [
        {"state": "active"},
        {"state": "complete"},
        {"state": "start_delay"},
        {"state": "start_delay", "until": "soon"},
        {"state": "start_delay", "until": True},
        {"state": "start_delay", "until": 1e300},
        {"state": ["ready"]},
        {"until": 5},
    ],
)
def test_other_states_can_not_be_wished_for(app, wishes):
    assert run(stored_event(), **wishes).state == "ready"


def test_flags_are_told(app):
    row = run(stored_event(), invisible=True, ephemeral=True)
    assert told(row)[3:] == ["Job is running invisibly.", "Job is ephemeral."]


def test_input_is_kept_apart_with_uploads_at_its_end(app):
    (old,) = files.store_uploads([Upload("old.txt", b"123")], ADMIN)
    given = {"data": {"a": 1}, "files": [old]}
    uploads = [Upload("in put.txt", b"12345"), Upload("b", b"1")]
    row = run(stored_event(), uploads=uploads, input=given)
    stored = json.loads(row.input)
    assert "input" not in document(row)
    assert stored["data"] == {"a": 1}
    assert [file["filename"] for file in stored["files"]] == ["old.txt", "in put.txt", "b"]
    file = stored["files"][1]
    assert (file["size"], file["username"]) == (5, "ann")
    assert (app.config["INSTANCE_PATH"] / file["path"]).read_bytes() == b"12345"


def test_the_rate_of_all_runs_can_be_limited(tmp_path, template_database):
    with application(tmp_path, template_database, MAX_JOBS_PER_MINUTE=2):
        event = stored_event()
        for _ in range(2):
            run(event)
        began = time.time() // 60
        text = r"^Failed to launch job: Global jobs per minute limit has been reached \(2/min\)"
        try:
            with pytest.raises(BadRequest, match=text):
                run(event)
        except pytest.fail.Exception:
            assert time.time() // 60 != began, "the minute did not end meanwhile"


def test_a_nearly_full_disk_refuses_runs(tmp_path, template_database):
    with application(tmp_path, template_database, MIN_FREE_BYTES=10**18):
        event = stored_event()
        with pytest.raises(Unavailable, match="Not enough disk space") as caught:
            run(event)
        assert int(caught.value.headers["Retry-After"]) > 0
        assert jobs_count() == 0


def test_macros_are_replaced_as_the_run_is_accepted(app):
    fields = [{"id": "who", "type": "text", "value": "{{ input.data.name }}"}]
    event = stored_event(fields=fields, params={"script": "echo {{ params.who }} {{ nothing }}."})
    job = document(run(event, input={"data": {"name": "{{ event }}"}}))
    assert job["params"]["who"] == event["id"]
    assert job["params"]["script"] == f"echo {event['id']} ."


def test_macros_in_a_plugins_command_are_replaced(app):
    record = db.read(lambda connection: Plugin.get(connection, "testplug"))
    changes = {"command": "/bin/echo {{ params.word }} {{ 1 + }}"}
    db.write(lambda connection: Plugin.replace(connection, record | changes))
    job = document(run(stored_event(plugin="testplug"), params={"word": "hi"}))
    assert job["command"] == "/bin/echo hi (ERROR: Unexpected end of expression)"


def test_locked_parameters_may_say_who_runs_the_process(app):
    locked = [{"id": "uid", "type": "text", "locked": True}, {"id": "gid", "type": "text"}]
    record = db.read(lambda connection: Plugin.get(connection, "testplug"))
    changes = {"params": locked, "uid": "1", "gid": "2", "runner": 1}
    db.write(lambda connection: Plugin.replace(connection, record | changes))
    event = stored_event(plugin="testplug", params={"uid": "nobody", "gid": "nogroup"})
    job = document(run(event))
    assert (job["uid"], job["gid"], job["runner"]) == ("nobody", "2", True)


def override(**values):
    return {f"_xy_override_{key}": value for key, value in values.items()}


def test_parameters_override_properties_of_the_job(app):
    params = override(
        label="{{ event }}!", priority="1", tags="important, flag", targets=["main", "other"]
    )
    row = run(event := stored_event(), params=params | override(algo="least_cpu", custom="x"))
    job = document(row)
    assert (job["label"], job["priority"], row.rank) == (f"{event['id']}!", "1", 0)
    assert (job["tags"], job["targets"]) == (["important", "flag"], ["main", "other"])
    assert (job["algo"], job["custom"]) == ("least_cpu", "x")


def test_overrides_of_delays_are_times(app):
    until = time.time() + 90
    row = run(stored_event(), params=override(state="start_delay", until=str(until), now="5"))
    assert (row.state, row.until, document(row)["now"]) == ("start_delay", until, 5)
    row = run(stored_event(), params=override(state="active", until="soon", now="never"))
    assert (row.state, row.until) == ("ready", None)
    assert document(row)["now"] == row.started


def test_overrides_of_what_is_not_the_callers_have_no_effect(app):
    params = override(
        **dict.fromkeys(
            ("username", "source", "code", "server", "started", "log_file_size", "type", "input"),
            "evil",
        ),
        empty="",
        number=5,
    )
    job = document(run(stored_event(), params=params))
    assert "evil" not in [value for key, value in job.items() if key != "params"]
    assert not {"empty", "number", "title"} & job.keys()


@pytest.mark.parametrize(
    ("params", "text"),
    [
        (override(plugin="x"), "Event params: Invalid parameter ID: _xy_override_plugin (res"),
        (override(targets="a b"), "Malformed target: a b"),
        (override(targets=","), "Event has no targets specified."),
        (override(targets=[[]]), "Malformed target: "),
        (override(tags="nosuchtag"), "Unknown tag: nosuchtag"),
        (override(algo="no way"), "Malformed parameter value: algo"),
        (override(notes=["x"]), "Malformed parameter type: notes (object)"),
        (override(expression="{{ '1 +' }}"), "Failed to compile target expression: 1 +: "),
    ],
)
def test_overrides_that_no_run_could_have_are_refused(app, params, text):
    with pytest.raises(BadRequest) as caught:
        run(stored_event(), params=params)
    assert caught.value.description.startswith(text)
    assert jobs_count() == 0


def test_overridden_targets_must_be_in_reach(app):
    with pytest.raises(Forbidden, match="targets: gpu"):
        run(stored_event(), limited(groups=["main"]), params=override(targets="gpu"))
