"""Every way to fail ends in the one error shape, and no record that was stored breaks others."""

import itertools

import pytest

from blueprints.wire import endpoints
from tests import factories
from tests.blueprints.api import EVENT, Caller, assert_error_shape, multipart
from tests.blueprints.test_bad_input import ODD_VALUES, check

#: JSON that is hard to bear, as it goes over the wire; `%s` is a parameter's name.
HARD_JSON = [
    '{"%s":9223372036854775808}',
    '{"%s":-9223372036854775809}',
    '{"%s":1e308}',
    '{"%s":-0.0}',
    '{"%s":' + "9" * 300 + "}",
    '{"%s":' + "9" * 10_000 + "}",
    '{"%s":NaN}',
    '{"%s":"\\ud800"}',
    '{"%s":"\\u0000"}',
    '{"%s":["\\udfff",{"\\ud800":1}]}',
    '{"%s":' + "[" * 60 + "]" * 60 + "}",
    '{"%s":' + "[" * 20_000 + "]" * 20_000 + "}",
    '{"%s":1,"%s":{"a":[null]}}',
]


@pytest.mark.parametrize("name", endpoints)
def test_json_that_is_hard_to_bear(call, name):
    names = [field.data_key or key for key, field in endpoints[name].schema.fields.items()]
    for parameter, template in itertools.product((*names, "other"), HARD_JSON):
        body = template.replace("%s", parameter).encode()
        # Without a version errors are sent with the status 200.
        path = f"/api/app/{name}" + ("" if parameter == "other" else "/v1")
        reply = call(path, data=body, content_type="application/json")
        check(reply, name, body[:100])


FAILURES = [
    ("nosuchapi", {}, 404, 1),
    ("get_job", {}, 400, "api"),
    ("get_job", {"id": "jnone"}, 404, "notfound"),
    ("abort_job", {"id": "jnone"}, 404, "job"),
    ("run_event", {"id": "enone"}, 404, "event"),
    ("delete_job", {"id": "<live>"}, 409, "job"),
    ("create_event", EVENT | {"id": "etest"}, 409, "event"),
]


@pytest.mark.parametrize("version", ["/v1", ""])
@pytest.mark.parametrize(("name", "body", "status", "code"), FAILURES)
def test_failures_of_calls(call, event, live_job, name, body, status, code, version):
    body = {key: live_job if value == "<live>" else value for key, value in body.items()}
    reply = call(f"/api/app/{name}{version}", body)
    assert reply.status_code == (status if version else 200)
    assert_error_shape(reply)
    assert reply.json["code"] == code


@pytest.mark.parametrize("version", ["/v1", ""])
@pytest.mark.parametrize(
    ("options", "status"),
    [
        ({"data": "{", "content_type": "application/json"}, 400),
        ({"data": "x", "content_type": "multipart/form-data; boundary=none"}, 400),
        ({"data": " " * 1_000_001, "content_type": "application/json"}, 413),
        (multipart(("file", "x.bin", b" " * 2_000_001)), 413),
        ({"method": "PUT"}, 405),
        ({"method": "DELETE"}, 405),
    ],
    ids=range(6),
)
def test_failures_of_requests(call, options, status, version):
    reply = call(f"/api/app/echo{version}", **options)
    assert reply.status_code == status
    assert_error_shape(reply)


@pytest.mark.parametrize("version", ["/v1", ""])
def test_failures_of_callers(app, make_key, version):
    for caller in (Caller(app.test_client(), None), Caller(app.test_client(), "no" * 20)):
        reply = caller(f"/api/app/get_events{version}", {})
        assert (reply.status_code, reply.json["code"]) == (403 if version else 200, "session")
        assert_error_shape(reply)
    reply = make_key()(f"/api/app/create_api_key{version}", {"title": "x"})
    assert (reply.status_code, reply.json["code"]) == (403 if version else 200, "access")
    assert_error_shape(reply)


#: Keys of jobs and events that other calls read.
KEYS = (
    *("title", "label", "tags", "targets", "category", "plugin", "username", "source", "state"),
    *("started", "completed", "elapsed", "progress", "code", "description", "event", "limits"),
    *("actions", "activity", "files", "params", "fields", "input", "data", "cpu", "mem", "icon"),
    *("log_file_size", "triggers", "groups", "server", "suspended", "workflow", "revision"),
)


@pytest.mark.parametrize("value", ODD_VALUES, ids=range(len(ODD_VALUES)))
def test_odd_values_in_jobs_break_no_other_call(call, job, value):
    live = factories.add_job(state="active")
    for job_id in (job, live):
        for key in KEYS:
            check(call("update_job", {"id": job_id, key: value}), "update_job", (key, value))
    calls = {
        "get_job": {"id": job},
        "get_jobs": {"ids": [job, live]},
        "get_active_jobs": {"sort_by": "progress"},
        "get_job_log": {"id": job},
        "search_jobs": {},
    }
    for name in calls.keys() & set(endpoints):
        assert call(name, calls[name]).status_code == 200, name


@pytest.mark.parametrize("value", [None, -1, "a\x00b", [], [None], {"a": 1}], ids=range(6))
def test_odd_values_in_events_break_no_other_call(call, event, value):
    for key in KEYS:
        reply = call("update_event", {"id": event, key: value})
        check(reply, "update_event", (key, value))
        if reply.status_code == 200:
            assert call("get_event", {"id": event}).status_code == 200, key
            check(call("run_event", {"id": event}), "run_event", (key, value))
    assert call("get_events", {}).status_code == 200


#: Records that events refer to, and where their lists are.
REFERENCES = {
    "category": ("general", "get_categories"),
    "plugin": ("shellplug", "get_plugins"),
    "tag": ("important", "get_tags"),
    "group": ("main", "get_groups"),
}


@pytest.mark.parametrize("value", [None, -1, "a\x00b", [], [None], {"a": 1}], ids=range(6))
@pytest.mark.parametrize("kind", REFERENCES)
def test_odd_values_in_other_records_break_no_other_call(call, event, kind, value):
    record, listing = REFERENCES[kind]
    for key in (*KEYS, "notes", "color", "sort_order", "hostname_match", "command"):
        check(call(f"update_{kind}", {"id": record, key: value}), f"update_{kind}", (key, value))
    for _ in range(2):
        check(call("run_event", {"id": event}), "run_event", value)
        check(call("create_event", {**EVENT, "tags": ["important"]}), "create_event", value)
        assert call(listing, {}).status_code == 200
        # Once more when nothing is enabled as it should be.
        check(call(f"update_{kind}", {"id": record, "enabled": value}), "enabled", value)
