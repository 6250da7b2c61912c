"""The generated documentation agrees with the endpoints, and needs no network."""

import re

import pytest

from blueprints.wire import endpoints

pytestmark = pytest.mark.databases("sqlite")


@pytest.fixture
def spec(nobody):
    return nobody("/api/openapi.json").json


def test_it_is_openapi_31_without_dangling_references(spec):
    assert spec["openapi"] == "3.1.0"
    names = set(re.findall(r"#/components/schemas/(\w+)", str(spec)))
    assert names == set(spec["components"]["schemas"])


def test_every_endpoint_is_documented(spec):
    assert set(spec["paths"]) == {
        f"{endpoint.path}/v1/{endpoint.below}".rstrip("/") for endpoint in endpoints.values()
    }
    for operations in spec["paths"].values():
        for operation in operations.values():
            assert operation["summary"].endswith((".", "`"))
            assert {"200", "400", "404", "405", "500"} <= set(operation["responses"])


def test_operations_have_names_of_their_own(spec):
    ids = [op["operationId"] for path in spec["paths"].values() for op in path.values()]
    assert len(ids) == len(set(ids))


def test_every_parameter_has_a_meaning(spec):
    for name, endpoint in endpoints.items():
        for parameter in endpoint.schema.fields.values():
            assert parameter.metadata.get("description"), f"{name}.{parameter.name}"


def test_failures_have_the_one_shape(spec):
    for response in spec["components"]["responses"].values():
        assert response["content"] == {
            "application/json": {"schema": {"$ref": "#/components/schemas/Error"}}
        }
    references = set(re.findall(r"#/components/responses/(\w+)", str(spec)))
    assert references == set(spec["components"]["responses"])


def test_logs_and_files_have_their_own_answers(spec):
    log = spec["paths"]["/api/app/get_job_log/v1"]["get"]["responses"]
    assert set(log["404"]["content"]) == {"application/json", "text/plain"}
    assert {"200", "204", "206", "304", "416"} <= set(log)
    assert "content" not in log["204"]


def test_what_an_endpoint_needs_is_said(spec):
    assert spec["paths"]["/api/app/ping/v1"]["get"]["security"] == []
    abort = spec["paths"]["/api/app/abort_job/v1"]["post"]
    assert abort["security"]
    assert "`abort_jobs`" in abort["description"]
    schema = spec["components"]["schemas"]["JobId"]
    assert schema["required"] == ["id"]
    assert schema["properties"]["id"]["pattern"] == "^[a-z0-9_]+$"


def test_endpoints_that_read_the_body_alone_are_documented_for_post_alone(spec):
    assert set(spec["paths"]["/api/app/update_job/v1"]) == {"post"}
    assert set(spec["paths"]["/api/app/get_job/v1"]) == {"get", "post"}


def test_bodies_are_those_that_an_endpoint_reads(spec):
    def kinds(name):
        post = spec["paths"][f"/api/app/{name}/v1"]["post"]
        return set(post.get("requestBody", {}).get("content", ()))

    json_and_form = {"application/json", "application/x-www-form-urlencoded"}
    assert kinds("get_job") == json_and_form
    assert kinds("run_event") == {*json_and_form, "multipart/form-data"}
    assert kinds("upload_files") == {"multipart/form-data"}
    assert kinds("ping") == set()


def test_replies_are_as_documented(spec, call, job, event):
    calls = {
        "get_job": {"id": job},
        "get_jobs": {"ids": [job]},
        "get_active_jobs": {},
        "get_events": {},
        "get_event": {"id": event},
        "update_event": {"id": event},
        "flush_event_queue": {"id": event},
        "get_tags": {},
        "get_api_keys": {},
        "get_api_key": {"id": "kadmin"},
        "create_api_key": {"title": "x"},
        "ping": {},
        "echo": {},
    }
    for name, body in calls.items():
        reply = call(name, body).json
        documented = endpoints[name].returns()
        assert not documented.validate(reply), name
        assert set(reply) == set(documented.fields), name


def test_the_page_shows_every_endpoint_and_parameter(nobody):
    page = nobody("/api/docs")
    assert page.mimetype == "text/html"
    for name, endpoint in endpoints.items():
        assert f'<section id="{name.replace("/", "_")}">' in page.text
        for parameter in endpoint.schema.fields.values():
            assert f"<code>{parameter.data_key or parameter.name}</code>" in page.text


def test_the_page_loads_nothing_and_runs_nothing(nobody):
    page = nobody("/api/docs")
    assert not re.search(r"\b(?:src|href)=\"(?!#)|<script|@import|url\(", page.text)
    policy = page.headers["Content-Security-Policy"]
    assert re.fullmatch(
        r"default-src 'none'; style-src 'sha256-[\w+/=]+'; frame-ancestors 'none'", policy
    )
