"""The API's form: URLs, methods, statuses, headers and the ways to write JSON."""

import gzip
import json
import re

import pytest

from blueprints.wire import endpoints
from tests import factories
from tests.blueprints.api import assert_error, assert_error_shape

pytestmark = pytest.mark.databases("sqlite")


@pytest.mark.parametrize(
    "path",
    [
        "/api/app/ping",
        "/api/app/ping/",
        "/api/app/ping/v1",
        "/api/app/ping/v1/",
        "/api/app/ping/v27",
        "/api/app/ping/vx",
        "/api/app/ping/v1/anything/else",
        "/api/app//ping//v1",
        "/api/app/ping/v1?cachebust=1",
        "/api/app/ping/v1?format=html",
    ],
)
@pytest.mark.parametrize("method", ["GET", "POST"])
def test_an_endpoint_answers_at_its_name_whatever_follows(nobody, path, method):
    reply = nobody(path, method=method)
    assert (reply.status_code, reply.data) == (200, b'{"code":0}\n')
    assert reply.content_type == "application/json"


def test_several_slashes_at_the_start_count_as_one(app):
    # The test client would take the path for a host.
    reply = app.test_client().open(environ_overrides={"PATH_INFO": "//api/app/ping/v1"})
    assert (reply.status_code, reply.data) == (200, b'{"code":0}\n')


@pytest.mark.parametrize(
    ("path", "status", "text"),
    [
        ("/api/app/nosuch/v1", 404, "Unsupported API: app/api_nosuch"),
        ("/api/app/nosuch", 200, "Unsupported API: app/api_nosuch"),
        ("/api/app/PING/v1", 404, "Unsupported API: app/api_PING"),
        ("/api/other/ping/v1", 404, "Unsupported API: other"),
        ("/api/other/ping", 200, "Unsupported API: other"),
        ("/api/app", 200, "Invalid API URL: /api/app"),
        ("/api/app/", 200, "Invalid API URL: /api/app/"),
    ],
)
def test_an_unknown_url_of_the_api_is_named(nobody, path, status, text):
    for method in ("GET", "POST"):
        assert_error(nobody(path, method=method), status, 1, text)


@pytest.mark.parametrize("path", ["/api", "/api/"])
def test_the_root_of_the_api_is_not_found_as_text(nobody, path):
    reply = nobody(path)
    assert (reply.status_code, reply.text) == (404, f"404 Not Found: {path}\n")
    assert reply.mimetype == "text/html"


def test_any_other_unknown_url_is_not_found(nobody):
    assert_error(nobody("/nosuch"), 404, "notfound", "Not found: /nosuch")


def test_markup_is_taken_out_of_error_texts(nobody):
    assert nobody("/<b>bold</b>").json["description"] == "Not found: /bold"


@pytest.mark.parametrize("method", ["PUT", "PATCH", "DELETE", "TRACE", "NONSENSE"])
@pytest.mark.parametrize("path", ["/api/app/ping", "/api/app/ping/v1"])
def test_other_methods_are_refused_with_those_that_are_allowed(nobody, path, method):
    reply = nobody(path, method=method)
    assert_error(reply, 405, "api", f"Method not allowed: {method}")
    assert reply.headers["Allow"] == "GET, HEAD, POST, OPTIONS"


@pytest.mark.parametrize("path", ["/api/app/run_event/v1", "/api/app/nosuch/v1", "/", "/health"])
def test_options_answers_a_preflight_for_any_url(nobody, path):
    asked = {"Origin": "http://x.test", "Access-Control-Request-Headers": "X-API-Key"}
    reply = nobody(path, method="OPTIONS", headers=asked)
    assert (reply.status_code, reply.data) == (200, b"")
    assert reply.headers["Content-Length"] == "0"
    assert reply.headers["Access-Control-Allow-Origin"] == "http://x.test"
    assert reply.headers["Access-Control-Allow-Methods"] == "POST, GET, HEAD, OPTIONS"
    assert reply.headers["Access-Control-Allow-Headers"] == "X-API-Key"
    assert reply.headers["Access-Control-Max-Age"] == "1728000"


def test_a_preflight_without_headers_allows_everything(nobody):
    reply = nobody("ping", method="OPTIONS")
    assert reply.headers["Access-Control-Allow-Origin"] == "*"
    assert reply.headers["Access-Control-Allow-Headers"] == "*"


def test_ordinary_replies_carry_no_cors_headers(nobody):
    reply = nobody("ping", headers={"Origin": "http://x.test"})
    assert not [name for name, _ in reply.headers if name.startswith("Access-Control")]


def test_head_is_get_without_a_body(call, job):
    whole, head = (call(f"/api/app/get_job/v1?id={job}", method=m) for m in ("GET", "HEAD"))
    assert (head.status_code, head.data) == (200, b"")
    assert head.headers["Content-Length"] == whole.headers["Content-Length"]


@pytest.mark.parametrize(
    ("path", "status"),
    [
        ("/api/app/get_job", 200),
        ("/api/app/get_job/vx", 200),
        ("/api/app/get_job/v", 200),
        ("/api/app/get_job/v1", 404),
        ("/api/app/get_job/v2/", 404),
        ("/api/app/get_job/x/v1", 404),
        ("/api/app/get_job/v1x", 200),
    ],
)
def test_errors_have_a_status_where_the_path_names_a_version(call, path, status):
    assert_error(call(f"{path}?id=jnosuch"), status, "notfound", "Failed to load job details")


def test_every_reply_has_a_request_id_and_security_headers(nobody, call):
    replies = [nobody("ping"), nobody("nosuch"), nobody("get_tags"), call("get_tags"), call("/x")]
    for reply in replies:
        assert re.fullmatch(r"[\w\-.]{1,128}", reply.headers["X-Request-ID"])
        assert reply.headers["X-Content-Type-Options"] == "nosniff"
        assert reply.headers["Referrer-Policy"] == "no-referrer"
        assert reply.headers["Content-Security-Policy"].startswith("default-src 'none'")
        assert reply.headers["Cache-Control"] == "no-store"
        assert "Set-Cookie" not in reply.headers
    assert len({reply.headers["X-Request-ID"] for reply in replies}) == len(replies)


@pytest.mark.parametrize(
    ("sent", "kept"),
    [
        ("a-1_b.c", True),
        ("x" * 128, True),
        ("x" * 129, False),
        ("", False),
        ("two words", False),
        ("é", False),
    ],
)
def test_a_sane_request_id_is_echoed(nobody, sent, kept):
    reply = nobody("ping", headers={"X-Request-ID": sent})
    assert (reply.headers["X-Request-ID"] == sent) is kept


def test_pretty_replies_are_indented_by_tabs(nobody):
    assert nobody("/api/app/ping/v1?pretty=1").text == '{\n\t"code": 0\n}\n'
    text = nobody("/api/app/nosuch/v1?pretty=1").text
    assert text.startswith('{\n\t"code": 1,\n\t"description": ')


def test_large_replies_are_compressed_for_those_who_accept_it(call, live_job):
    factories.finish_job(live_job, label="ä" * 4000)
    plain = call("get_job", {"id": live_job})
    packed = call("get_job", {"id": live_job}, headers={"Accept-Encoding": "gzip, br"})
    assert "Content-Encoding" not in plain.headers
    assert packed.headers["Content-Encoding"] == "gzip"
    assert len(packed.data) < 2000
    assert json.loads(gzip.decompress(packed.data)) == plain.json
    assert plain.headers["Vary"] == packed.headers["Vary"] == "Accept-Encoding"


@pytest.mark.parametrize("accepted", ["", "br", "gzip;q=0", "identity, gzip;q=0.5"])
def test_nobody_gets_gzip_who_does_not_want_it(call, live_job, accepted):
    factories.finish_job(live_job, label="x" * 4000)
    reply = call("get_job", {"id": live_job}, headers={"Accept-Encoding": accepted})
    assert "Content-Encoding" not in reply.headers
    assert reply.json["job"]["label"] == "x" * 4000


def test_small_replies_are_never_compressed(nobody):
    reply = nobody("ping", headers={"Accept-Encoding": "gzip"})
    assert "Content-Encoding" not in reply.headers


def test_every_route_is_an_endpoint_or_known(app):
    """A route that is registered in another way would miss the API's form."""
    others = {
        "/health",
        "/ready",
        "/files/",
        "/files/<path:key>",
        "/api/openapi.json",
        "/api/docs",
    }
    rules = {rule.rule for rule in app.url_map.iter_rules()}
    ours = {endpoint.path for endpoint in endpoints.values()}
    ours |= {f"{endpoint.path}/<path:_trailing_path>" for endpoint in endpoints.values()}
    assert rules == ours | others


def test_every_endpoint_refuses_a_malformed_body_in_the_same_form(call):
    for name in endpoints:
        reply = call(name, data="{", content_type="application/json")
        assert reply.status_code == 400, name
        assert_error_shape(reply)
