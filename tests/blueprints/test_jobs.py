"""The endpoints that read and change jobs."""

import pytest

from core.tokens import job_token
from models.database import db
from models.event import Event
from models.job import Job
from tests import factories
from tests.blueprints.api import assert_error

NOT_ACTIVE = "Job not found or is no longer active: "


def rows(reply):
    assert reply.status_code == 200, reply.text
    return [row["id"] for row in reply.json["rows"]]


@pytest.fixture
def five(app):
    """Five live jobs, which started one after another."""
    return [factories.add_job(state="active", started=float(n), nr=n) for n in range(1, 6)]


def test_active_jobs_come_newest_first_with_their_number(call, five):
    reply = call("get_active_jobs")
    assert rows(reply) == five[::-1]
    assert reply.json["list"] == {"length": 5}
    assert reply.json["rows"][0]["state"] == "active"


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        ("limit=2", [5, 4]),
        ("offset=1&limit=2", [4, 3]),
        ("offset=3", [2, 1]),
        ("offset=9", []),
        ("offset=abc", []),
        ("offset=-2", [2, 1]),
        ("offset=&limit=", [5, 4, 3, 2, 1]),
        ("limit=0", [5, 4, 3, 2, 1]),
        ("limit=-1", [5, 4, 3, 2]),
        ("limit=abc", [5, 4, 3, 2, 1]),
        ("limit=2.9", [5, 4]),
        ("limit=2x", [5, 4]),
        ("limit=" + "9" * 400, [5, 4, 3, 2, 1]),
        ("sort_dir=1", [1, 2, 3, 4, 5]),
        ("sort_dir=0", [5, 4, 3, 2, 1]),
        ("sort_dir=abc", [1, 2, 3, 4, 5]),
        ("sort_by=nr&sort_dir=1&limit=1", [1]),
        ("sort_by=nosuch", [1, 2, 3, 4, 5]),
        ("sort_by=&sort_dir=", [5, 4, 3, 2, 1]),
        ("limit=1&limit=2", [5]),
    ],
)
def test_active_jobs_are_sorted_and_cut_as_asked(call, five, query, expected):
    reply = call(f"/api/app/get_active_jobs/v1?{query}")
    assert rows(reply) == [five[number - 1] for number in expected]
    assert reply.json["list"]["length"] == 5


def test_active_jobs_take_every_other_parameter_as_filter(call, five):
    assert rows(call("get_active_jobs", {"nr": 3})) == [five[2]]
    assert rows(call("/api/app/get_active_jobs/v1?nr=3&state=active")) == [five[2]]
    reply = call("/api/app/get_active_jobs/v1?nosuch=1&limit=1&pretty=1&cachebust=5")
    assert rows(reply) == []
    assert reply.json["list"]["length"] == 0


def test_active_jobs_show_only_what_the_caller_may_see(make_key, five):
    assert rows(make_key(categories=["other"])("get_active_jobs")) == []
    assert rows(make_key(groups=["other"])("get_active_jobs")) == []
    assert len(rows(make_key(categories=["general"], groups=["main"])("get_active_jobs"))) == 5


def test_many_active_jobs_are_streamed(call, app):
    def add_all(connection):
        return [factories.stored_job(connection, state="active") for _ in range(450)]

    ids = db.write(add_all)
    reply = call("get_active_jobs")
    assert "Content-Length" not in reply.headers
    assert sorted(rows(reply)) == sorted(ids)
    assert reply.json["list"] == {"length": 450}
    assert reply.text.endswith("}\n")
    assert call("/api/app/get_active_jobs/v1?pretty=1").json == reply.json


def test_get_job_shows_a_finished_job_and_its_token(app, call, job):
    reply = call("get_job", {"id": job})
    assert reply.json["job"]["id"] == job
    assert reply.json["job"]["output"] == "hello\n"
    assert reply.json["token"] == job_token("download", job, app.config["SECRET_KEY"])
    assert list(reply.json) == ["code", "job", "token"]


def test_get_job_shows_a_live_job(call, live_job):
    assert call("get_job", {"id": live_job}).json["job"]["state"] == "active"


@pytest.mark.parametrize("remove", ["params,output", "params, output", ["params", "output"]])
def test_get_job_leaves_out_what_is_to_be_removed(call, job, remove):
    found = call("get_job", {"id": job, "remove": remove}).json["job"]
    assert found["id"] == job
    assert not {"params", "output"} & found.keys()


def test_access_is_checked_before_keys_are_removed(make_key, job):
    limited = make_key(categories=["other"])
    reply = limited("get_job", {"id": job, "remove": "category"})
    text = "You do not have the required account privileges to access category ID general."
    assert_error(reply, 403, "access", text)


def test_get_jobs_keeps_order_and_duplicates(call, job):
    found = call("get_jobs", {"ids": [job, "jnosuch", job]}).json["jobs"]
    assert [row.get("id") for row in found] == [job, None, job]
    assert found[1] == {"err": "Failed to locate job: jnosuch"}
    assert "activity" not in found[0]


@pytest.mark.parametrize(
    ("verbose", "shown"), [(True, True), ("0", True), (1, True), (False, False), (0, False)]
)
def test_get_jobs_shows_heavy_keys_when_asked(call, job, verbose, shown):
    found = call("get_jobs", {"ids": job, "verbose": verbose}).json["jobs"][0]
    assert ("activity" in found) is shown


def test_get_jobs_takes_any_text_for_an_id(call, job):
    ids = ["\0", "x" * 300, "\ud800", job]
    found = call("get_jobs", {"ids": ids}).json["jobs"]
    assert ["err" in row for row in found] == [True, True, True, False]


def test_many_jobs_are_streamed(call, job):
    reply = call("get_jobs", {"ids": [job, *(f"j{number}" for number in range(500))]})
    assert "Content-Length" not in reply.headers
    assert len(reply.json["jobs"]) == 501
    assert reply.json["jobs"][500] == {"err": "Failed to locate job: j499"}


@pytest.mark.parametrize("ids", [[], "", None, 5, True, {}, {"length": 1}, {"0": "j"}])
def test_get_jobs_refuses_what_is_no_list(call, ids):
    assert_error(call("get_jobs", {"ids": ids}), 400, "job", "Missing or malformed ids parameter.")


def test_abort_asks_the_engine_with_the_callers_title(make_key, live_job):
    caller = make_key(title="Ops", privileges={"abort_jobs": 1})
    assert caller("abort_job", {"id": live_job}).json == {"code": 0}
    assert factories.load(live_job).abort_reason == "Manually aborted by API Key: Ops"


def test_a_finished_job_can_not_be_aborted_or_resumed(call, job):
    assert_error(call("abort_job", {"id": job}), 409, "job", NOT_ACTIVE + job)
    assert_error(call("resume_job", {"id": job}), 409, "job", NOT_ACTIVE + job)


@pytest.mark.parametrize("name", ["abort_job", "resume_job"])
def test_an_unknown_job_can_not_be_aborted_or_resumed(call, name):
    assert_error(call(name, {"id": "jnosuch"}), 404, "job", NOT_ACTIVE + "jnosuch")


def test_only_a_suspended_job_is_resumed(call, live_job):
    text = f"Job is not currently suspended: {live_job}"
    assert_error(call("resume_job", {"id": live_job}), 409, "job", text)


def test_resume_passes_parameters_and_who_asked_on(call):
    action = {"type": "suspend", "active": True, "enabled": True}
    job_id = factories.add_job(state="starting", suspended=True, actions=[action])
    body = {"id": job_id, "params": {"a": 1}}
    assert call("resume_job", body, headers={"User-Agent": "curl/8"}).json == {"code": 0}
    asked = factories.load(job_id).resume
    assert '"params":{"a":1}' in asked
    assert "curl/8" in asked
    assert "127.0.0.1" in asked


@pytest.mark.parametrize(
    ("params", "type_"), [("x", "string"), ([1], "object"), (5, "number"), (True, "boolean")]
)
def test_resume_takes_only_an_object_of_parameters(call, live_job, params, type_):
    reply = call("resume_job", {"id": live_job, "params": params})
    assert_error(reply, 400, "api", f"Malformed parameter type: params ({type_})")


def test_delete_removes_a_finished_job_only(call, job):
    live = factories.add_job(state="active")
    text = f"Cannot delete a job that is still active: {live}"
    assert_error(call("delete_job", {"id": live}), 409, "job", text)
    assert call("delete_job", {"id": job}).json == {"code": 0}
    assert_error(call("get_job", {"id": job}), 404, "notfound", "Failed to load job details: ")
    assert_error(call("delete_job", {"id": job}), 404, "job", "Failed to load job details: ")


def test_update_sets_keys_and_takes_markup_out_of_shown_texts(call, job):
    changes = {"label": "a <b>label</b>", "notes": 5, "custom": {"x": 1}, "api_key": "x"}
    assert call("update_job", {"id": job, **changes}).json == {"code": 0}
    found = call("get_job", {"id": job}).json["job"]
    assert (found["label"], found["notes"], found["custom"]) == ("a label", "5", {"x": 1})
    assert "api_key" not in found


def test_update_refuses_keys_of_the_engine(call, live_job):
    reply = call("update_job", {"id": live_job, "state": "complete"})
    assert_error(reply, 400, "job", "Cannot update keys of a running job: state")


def test_tags_are_replaced(call, job):
    assert call("manage_job_tags", {"id": job, "tags": ["flag"]}).json == {"code": 0}
    assert call("get_job", {"id": job}).json["job"]["tags"] == ["flag"]


def test_tickets_are_replaced(call, make_key, job):
    caller = make_key(privileges={"edit_tickets": 1})
    assert caller("manage_job_tickets", {"id": job, "tickets": ["t1", "_t"]}).json == {"code": 0}
    found = call("get_job", {"id": job}).json["job"]
    assert found["tickets"] == ["t1", "_t"]
    assert found["activity"][-1]["msg"] == "Updated job tickets: t1"
    reply = call("manage_job_tickets", {"id": job, "tags": []})
    assert_error(reply, 400, "api", "Missing parameter: tickets")
    live = factories.add_job(state="active")
    reply = call("manage_job_tickets", {"id": live, "tickets": []})
    assert_error(reply, 409, "job", "Cannot update tickets of running job.")


def test_tickets_need_their_own_privilege(make_key, job):
    reply = make_key(privileges={"tag_jobs": 1})("manage_job_tickets", {"id": job, "tickets": []})
    assert_error(reply, 403, "access", 'API Key "Test Key" does not have the "Edit Tickets"')


def test_summaries_count_live_jobs(call, five):
    reply = call("/api/app/get_active_job_summary/v1?state=active")
    counts = {"states": {"active": 5}, "sources": {"key": 5}, "targets": {"main": 5}}
    assert reply.json == {"code": 0, "events": {"e0": {"id": "e0", **counts}}}
    assert call("get_active_job_summary", {"offset": 0}).json == {"code": 0, "events": {}}
    assert call("get_workflow_job_summary", {"workflow.job": "j"}).json == {"code": 0, "nodes": {}}


@pytest.mark.parametrize("value", ["\0", "\ud800", "x" * 300, 2**70, -1.5, True, None, [], {}])
@pytest.mark.parametrize("key", ["event", "server", "id", "state", "nr", "offset", "limit"])
def test_any_value_of_a_filter_is_answered(call, five, key, value):
    for name in ("get_active_jobs", "get_active_job_summary", "get_workflow_job_summary"):
        assert call(name, {key: value}).json["code"] == 0


def test_a_delay_is_skipped(call):
    job_id = factories.add_job(state="start_delay", columns={"until": 2e9}, until=2e9)
    assert call("job_skip_delay", {"id": job_id}).json == {"code": 0}
    assert factories.load(job_id).until < 2e9
    assert_error(call("job_skip_delay"), 400, "api", "Missing parameter: id")


def test_keys_can_not_be_notified(call, live_job):
    reply = call("job_toggle_notify_me", {"id": live_job})
    assert_error(reply, 400, "job", "User has no email address set.")


@pytest.mark.parametrize(
    ("body", "code", "text"),
    [
        ({}, "api", "Missing parameter: tags"),
        ({"tags": "flag"}, "api", "Parameter is not an array: tags"),
        ({"tags": None}, "api", "Parameter is not an array: tags"),
        ({"tags": {"length": 1}}, "api", "Parameter is not an array: tags"),
        ({"tags": [1]}, "api", "Malformed parameter: tags"),
        ({"tags": ["flag"], "foo": 1}, "job", "Too many properties in params"),
    ],
)
def test_malformed_tags_are_refused(call, job, body, code, text):
    assert_error(call("manage_job_tags", {"id": job, **body}), 400, code, text)


def test_a_key_in_the_body_is_no_property(nobody, make_key, job):
    key = make_key(privileges={"tag_jobs": 1}).key
    body = {"id": job, "tags": [], "api_key": key}
    assert nobody("manage_job_tags", body).json == {"code": 0}


def test_flush_removes_queued_jobs_of_the_event_only(call, event):
    queued = factories.add_job(state="queued", event=event)
    other = factories.add_job(state="queued", event="eother")
    active = factories.add_job(state="active", event=event)
    assert call("flush_event_queue", {"id": event}).json == {"code": 0, "count": 1}
    left = db.read(lambda connection: Job.load_many(connection, [queued, other, active]))
    assert set(left) == {other, active}
    reply = call("flush_event_queue", {"id": "enosuch"})
    assert_error(reply, 404, "event", "Event not found: enosuch")


def test_flush_asks_for_access_to_the_event(make_key, event):
    limited = make_key(privileges={"abort_jobs": 1}, groups=["other"])
    text = "You do not have the required account privileges to access targets: main."
    assert_error(limited("flush_event_queue", {"id": event}), 403, "access", text)
    assert db.read(lambda connection: Event.get(connection, event))
