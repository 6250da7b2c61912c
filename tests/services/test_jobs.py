"""Jobs as services: lists and their filters, changes, requests, access."""

import json
import math

import pytest
import sqlalchemy as sa

from core.errors import BadRequest, Conflict, Forbidden, NotFound
from models.database import db
from models.job import Job
from models.job_term import JobCount, JobTerm
from services import active_jobs, job_changes, jobs
from services.transitions import ENGINE_KEYS
from tests.factories import (
    ADMIN,
    NOBODY,
    add_job,
    finish_job,
    limited,
    load,
    stored_event,
)


def rows(filters, caller=ADMIN, **paging):
    found = active_jobs.listing(filters, caller, **paging)
    return [json.loads(text) for chunk in found for text in chunk]


def ids(filters, caller=ADMIN, **paging):
    return [row["id"] for row in rows(filters, caller, **paging)]


@pytest.fixture
def three(app):
    """Three live jobs, the oldest first."""
    return [
        add_job(state="active", event=f"e{n}", started=100.0 + n, params={"n": n}, weight=3 - n)
        for n in range(3)
    ]


# Lists


def test_live_jobs_are_listed_newest_first(three):
    finish_job(add_job())
    assert ids({}) == three[::-1]


@pytest.mark.parametrize(
    ("paging", "order"),
    [
        ({"sort_dir": 1}, [0, 1, 2]),
        ({"sort_by": "weight"}, [0, 1, 2]),
        ({"sort_by": "weight", "sort_dir": 1}, [2, 1, 0]),
        ({"sort_by": "event"}, [0, 1, 2]),
        ({"sort_by": "nosuchkey"}, [0, 1, 2]),
        ({"sort_dir": math.nan}, [0, 1, 2]),
        ({"limit": 2}, [2, 1]),
        ({"offset": 1}, [1, 0]),
        ({"offset": 1, "limit": 1}, [1]),
        ({"offset": 5}, []),
        ({"limit": -1}, [2, 1]),
        ({"offset": 10**9, "limit": 10**9}, []),
    ],
)
def test_sorting_and_paging(three, paging, order):
    assert ids({}, **paging) == [three[index] for index in order]


def test_the_length_counts_what_is_not_shown(three):
    assert active_jobs.listing({}, ADMIN, limit=1).length == 3


@pytest.mark.parametrize(
    ("filters", "expected"),
    [
        ({"event": "e1"}, [1]),
        ({"event": "e1", "state": "active"}, [1]),
        ({"event": "e1", "state": "queued"}, []),
        ({"weight": "2"}, [1]),
        ({"weight": 2}, [1]),
        ({"started": "101"}, [1]),
        ({"limits": ""}, [2, 1, 0]),
        ({"targets": "main"}, [2, 1, 0]),
        ({"params": "[object Object]"}, [2, 1, 0]),
        ({"nosuchkey": None}, [2, 1, 0]),
        ({"nosuchkey": False}, []),
        ({"nosuchkey": ""}, []),
        ({"event": ["e1"]}, []),
        ({"event": 5}, []),
        ({"id": {"a": 1}}, []),
        ({"params.n": 1}, []),
    ],
)
def test_filters_compare_like_javascript(three, filters, expected):
    assert ids(filters) == [three[index] for index in expected]


def test_lists_are_limited_by_category_and_group(app):
    inside = add_job(category="general", targets=["main"])
    add_job(category="other", targets=["main"])
    elsewhere = add_job(category="general", targets=["gpu"])
    assert ids({}, limited(categories=["general"], groups=["main"])) == [inside]
    assert set(ids({}, limited(categories=["general"]))) == {inside, elsewhere}
    assert ids({"category": "other"}, limited(categories=["general"])) == []


def test_rows_show_live_values_and_no_heavy_ones(app):
    job_id = add_job(state="active", job_input={"data": {"a": 1}})
    db.write(
        lambda connection: Job.patch(
            connection,
            job_id,
            live={"progress": 0.5, "status": "s"},
            results={"label": "l", "data": {"b": 1}, "files": ["x"]},
            activity=[{"msg": "m"}],
        )
    )
    (row,) = rows({})
    assert (row["progress"], row["status"], row["label"]) == (0.5, "s", "l")
    assert not {"activity", "input", "data", "files", "timelines", "output"} & row.keys()


# One job


def get(job_id, caller=ADMIN, remove=()):
    return json.loads(jobs.get_text(job_id, caller, remove))


def test_a_live_job_is_shown_with_its_details(app):
    job_id = add_job(state="active", job_input={"data": {"a": 1}})
    db.write(lambda connection: Job.patch(connection, job_id, results={"data": {"b": 1}}))
    job = get(job_id)
    assert (job["input"], job["data"], job["activity"]) == ({"data": {"a": 1}}, {"b": 1}, [])


def test_a_final_job_is_shown_with_its_log(app):
    job_id = add_job()
    finish_job(job_id, log=b"caf\xe9\n", data={"b": 1})
    job = get(job_id)
    assert (job["output"], job["data"], job["final"]) == ("caf\ufffd\n", {"b": 1}, True)


def test_keys_are_removed_after_the_access_check(app):
    job_id = add_job()
    finish_job(job_id, log=b"x")
    job = get(job_id, limited(categories=["general"]), ["category", "output", "nosuchkey"])
    assert not {"category", "output"} & job.keys()
    with pytest.raises(Forbidden, match="access category ID general"):
        get(job_id, limited(categories=["other"]), ["category"])


@pytest.mark.parametrize("final", [True, False])
def test_limited_callers_are_refused_what_is_not_theirs(app, final):
    job_id = add_job(category="general", targets=["main"])
    if final:
        finish_job(job_id)
    assert get(job_id, NOBODY)["id"] == job_id
    with pytest.raises(Forbidden, match="access category ID general"):
        get(job_id, limited(categories=["other"]))
    with pytest.raises(Forbidden, match="access targets: main"):
        get(job_id, limited(groups=["gpu"]))


def test_an_unknown_job_is_not_found(app):
    with pytest.raises(NotFound, match=r"^Failed to load job details: jx: "):
        jobs.get_text("jx", ADMIN)


def test_many_jobs_keep_their_order_and_missing_ones_their_place(app):
    final, live = add_job(), add_job(state="active")
    finish_job(final, log=b"log", activity=[{"msg": "m"}], data={"a": 1})
    texts = jobs.many_texts([live, "jx", final, live], ADMIN, verbose=False)
    rows = [json.loads(text) for text in texts]
    assert [row.get("id") for row in rows] == [live, None, final, live]
    assert rows[1] == {"err": "Failed to locate job: jx"}
    assert rows[2]["output"] == "log"
    assert not {"activity", "data", "limits", "actions"} & (rows[0].keys() | rows[2].keys())
    (verbose,) = jobs.many_texts([final], ADMIN, verbose=True)
    assert json.loads(verbose)["data"] == {"a": 1}


def test_forbidden_jobs_look_like_missing_ones_in_lists(app):
    job_id = add_job(category="general")
    finish_job(job_id)
    (text,) = jobs.many_texts([job_id], limited(categories=["other"]), verbose=True)
    assert json.loads(text) == {"err": f"Failed to locate job: {job_id}"}


def test_five_hundred_ids_are_fine(app):
    job_id = add_job()
    assert len(jobs.many_texts([job_id, "jx"] * 250, ADMIN, verbose=False)) == 500


# Requests and changes


def test_an_abort_is_noted_once_with_its_reason(app):
    job_id = add_job(state="active")
    job_changes.abort(job_id, ADMIN)
    assert load(job_id).abort_reason == "Manually aborted by API Key: Admin"
    job_changes.abort(job_id, limited())
    assert load(job_id).abort_reason == "Manually aborted by API Key: Admin"


def test_jobs_that_can_not_be_aborted(app):
    final = add_job()
    finish_job(final)
    with pytest.raises(Conflict, match=r"^Job not found or is no longer active: "):
        job_changes.abort(final, ADMIN)
    with pytest.raises(NotFound, match=r"^Job not found or is no longer active: jx"):
        job_changes.abort("jx", ADMIN)
    with pytest.raises(Forbidden):
        job_changes.abort(add_job(), limited(categories=["other"]))


def resume(job_id, caller=ADMIN, params=None):
    job_changes.resume(job_id, params, None, caller, "127.0.0.1", "agent")


SUSPENSION = {"type": "suspend", "condition": "start", "enabled": True, "active": True, "date": 1.0}


def suspended_job(**changes):
    return add_job(state="starting", suspended=True, actions=[SUSPENSION], **changes)


def test_a_resume_is_noted_and_ends_the_suspension_at_once(app):
    job_id = suspended_job()
    resume(job_id, params={"a": 1})
    row = load(job_id)
    asked = json.loads(row.resume)
    assert (asked["params"], asked["by"], asked["ip"]) == ({"a": 1}, "ann", "127.0.0.1")
    assert "suspended" not in json.loads(row.doc)
    with pytest.raises(Conflict, match=r"^Job is not currently suspended: "):
        resume(job_id)


def asked_of(job_id):
    return json.loads(load(job_id).resume)


def test_parameters_of_a_resume_have_macros_and_override_the_job(app):
    job_id = suspended_job(params={"who": "{{ kept }}", "script": "s"})
    params = {
        "a": "{{ id }}-{{ params.script }}",
        "_xy_override_label": "{{ params.a }}",
        "_xy_override_tags": "flag,important",
        "_xy_override_plugin": "reserved",
        "_xy_override_state": "ready",
        "_xy_override_username": "evil",
    }
    resume(job_id, params=params)
    asked = asked_of(job_id)
    assert asked["params"] == params
    assert asked["values"]["a"] == f"{job_id}-s"
    assert asked["overrides"] == {"label": f"{job_id}-s", "tags": ["flag", "important"]}
    assert "who" not in asked["values"]


@pytest.mark.parametrize(
    ("params", "error"),
    [
        ({"_xy_override_targets": "a b"}, BadRequest),
        ({"_xy_override_tags": "nosuchtag"}, BadRequest),
        ({"_xy_override_expression": "1 +"}, BadRequest),
        ({"_xy_override_targets": "gpu"}, Forbidden),
    ],
)
def test_overrides_that_no_run_could_have_do_not_resume(app, params, error):
    job_id = suspended_job(targets=["main"])
    with pytest.raises(error):
        resume(job_id, limited(groups=["main"]), params)
    assert load(job_id).resume is None
    resume(job_id)


def test_a_resume_changes_what_is_locked_only_for_administrators(app):
    job_id = suspended_job(params={"script": "original"})
    resume(job_id, limited(), {"script": "mine", "a": 1})
    assert asked_of(job_id)["values"] == {"a": 1}
    job_id = suspended_job(params={"script": "original"})
    resume(job_id, params={"script": "mine"})
    assert asked_of(job_id)["values"] == {"script": "mine"}


def test_what_can_not_be_resumed(app):
    with pytest.raises(Conflict, match=r"^Job is not currently suspended: "):
        resume(add_job(state="active"))
    with pytest.raises(Conflict, match=r"^Cannot locate active suspend action in job: "):
        resume(add_job(state="starting", suspended=True))
    with pytest.raises(NotFound, match=r"^Job not found or is no longer active: jx"):
        resume("jx")


def test_only_final_jobs_are_deleted(app):
    live, final = add_job(state="active"), add_job()
    finish_job(final)
    with pytest.raises(Conflict, match=rf"^Cannot delete a job that is still active: {live}"):
        job_changes.delete(live, ADMIN)
    with pytest.raises(Forbidden):
        job_changes.delete(final, limited(categories=["other"]))
    job_changes.delete(final, ADMIN)
    with pytest.raises(NotFound, match=r"^Failed to load job details: ") as caught:
        job_changes.delete(final, ADMIN)
    assert caught.value.code == "job"


def test_an_update_of_a_live_job_changes_what_is_not_the_engines(app):
    job_id = add_job(state="active")
    job_changes.update(job_id, {"label": "new", "custom": {"a": 1}}, ADMIN)
    job = get(job_id)
    assert (job["label"], job["custom"]) == ("new", {"a": 1})


@pytest.mark.databases("sqlite")
def test_an_update_of_a_live_job_leaves_the_engines_keys_alone(app):
    job_id = add_job(state="active")
    assert (ENGINE_KEYS - {"output"}) | {"until", "cpu", "procs"} <= job_changes.FIXED_WHILE_LIVE
    for key in job_changes.FIXED_WHILE_LIVE:
        with pytest.raises(BadRequest, match=f"keys of a running job: {key}$"):
            job_changes.update(job_id, {key: "x", "label": "new"}, ADMIN)
    assert "label" not in get(job_id)


@pytest.mark.databases("sqlite")
@pytest.mark.parametrize(
    ("state", "changes", "columns"),
    [
        ("queued", {"priority": True}, {"rank": 0, "due": None}),
        ("active", {"limits": [{"type": "time", "enabled": True, "duration": 5}]}, {"due": 105.0}),
        ("active", {"limits": []}, {"due": None}),
        ("queued", {"limits": [{"type": "time", "enabled": True, "duration": 5}]}, {"due": 99.0}),
        ("active", {"label": "x"}, {"due": 99.0}),
    ],
)
def test_an_update_of_a_live_job_reaches_what_the_engine_goes_by(app, state, changes, columns):
    due = None if "priority" in changes else 99.0
    job_id = add_job(state=state, started=100.0, columns={"due": due})
    job_changes.update(job_id, changes, ADMIN)
    row = load(job_id)
    assert {name: getattr(row, name) for name in columns} == columns


def test_an_update_wins_over_what_the_plugin_said_before(app):
    job_id = add_job(state="active")
    db.write(lambda connection: Job.patch(connection, job_id, results={"label": "plugin"}))
    job_changes.update(job_id, {"label": "admin"}, ADMIN)
    assert get(job_id)["label"] == "admin"


@pytest.mark.parametrize("key", ["progress", "status"])
def test_an_update_of_live_values_is_seen(app, key):
    job_id = add_job(state="active")
    db.write(
        lambda connection: Job.patch(connection, job_id, live={"progress": 0.1, "status": "s"})
    )
    job_changes.update(job_id, {key: 0.9}, ADMIN)
    assert get(job_id)[key] == 0.9


def test_an_update_of_a_final_job_is_found_by_its_new_result(app):
    job_id = add_job(state="active")
    finish_job(job_id, elapsed=5.0)
    changes = {"code": "warning", "elapsed": 1e300, "completed": 5, "event": "e" * 300}
    job_changes.update(job_id, changes | {"started": "+1", "server": "s2"}, ADMIN)
    row = load(job_id)
    assert (row.code, row.elapsed, row.completed, row.server) == ("warning", 1e12, 5, "s2")
    assert row.event == "e" * 255
    assert row.started == get(job_id)["started"]
    ended = db.read(lambda c: c.scalars(sa.select(JobTerm.completed)).all())
    assert set(ended) == {5}
    long = {"category": "x" * 3000, "server": "y" * 3000, "event": "z\0" * 3000, "code": "c" * 3000}
    job_changes.update(job_id, long, ADMIN)
    job_changes.delete(job_id, ADMIN)
    assert db.read(lambda c: c.scalars(sa.select(JobTerm.seq)).all()) == []
    assert db.read(lambda c: c.scalars(sa.select(JobCount.jobs)).all()) == []


@pytest.mark.databases("sqlite")
@pytest.mark.parametrize(
    "changes",
    [{"id": "j2"}, {"state": "active"}, {"final": False}, {"completed": "soon"}, {"elapsed": True}],
)
def test_what_a_record_can_not_do_without_stays(app, changes):
    job_id = add_job()
    finish_job(job_id)
    before = load(job_id)
    with pytest.raises(BadRequest):
        job_changes.update(job_id, changes, ADMIN)
    assert load(job_id) == before


def test_an_update_of_a_final_job_may_count_and_adjust(app):
    job_id = add_job()
    finish_job(job_id, tags=["a", "b"], number=5)
    job_changes.update(job_id, {"number": "+2", "tags": "+c,-a", "label": "new"}, ADMIN)
    job = get(job_id)
    assert (job["number"], job["tags"], job["label"]) == (7, ["b", "c"], "new")
    with pytest.raises(NotFound, match=r"^Failed to update job: jx"):
        job_changes.update("jx", {"label": "x"}, ADMIN)


def test_tags_are_replaced_as_they_are_and_told(app):
    job_id = add_job()
    finish_job(job_id, tags=["_success", "_last"])
    job_changes.set_names("tags", job_id, ["flag", "_own", "any thing"], ADMIN)
    job_changes.set_names("tags", job_id, ["_hidden"], ADMIN)
    job = get(job_id)
    assert job["tags"] == ["_hidden"]
    assert [row["msg"] for row in job["activity"]] == [
        "Updated job tags: flag, any thing",
        "Updated job tags: (None)",
    ]
    assert {row["username"] for row in job["activity"]} == {"ann"}


def test_tags_of_live_and_unknown_jobs_are_not_set(app):
    with pytest.raises(Conflict, match=r"^Cannot update tags of running job\."):
        job_changes.set_names("tags", add_job(state="active"), [], ADMIN)
    with pytest.raises(NotFound, match=r"^Failed to update job: jx"):
        job_changes.set_names("tags", "jx", [], ADMIN)


def test_a_flush_needs_an_event_and_access_to_it(app):
    event = stored_event()["id"]
    add_job(state="queued", event=event)
    with pytest.raises(Forbidden):
        job_changes.flush_queue(event, limited(categories=["other"]))
    assert job_changes.flush_queue(event, ADMIN) == 1
    with pytest.raises(NotFound, match=r"^Event not found: enone"):
        job_changes.flush_queue("enone", ADMIN)


def test_the_tail_is_empty_for_all_but_running_jobs(app):
    final = add_job()
    finish_job(final, log=b"text")
    assert jobs.tail(add_job(), 100, ADMIN) == ""
    for job_id in (final, "jnosuchjob"):
        assert jobs.tail(job_id, 100, limited(categories=["other"])) == ""


def test_the_tail_needs_access(app):
    job_id = add_job(state="active", columns={"launch": "l1"})
    assert jobs.tail(job_id, 100, ADMIN) == ""
    with pytest.raises(Forbidden):
        jobs.tail(job_id, 100, limited(categories=["other"]))
