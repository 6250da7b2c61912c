"""Reading requests: queries, bodies of all kinds, their limits, and what wins over what."""

import io
from pathlib import Path

import pytest

from tests.blueprints.api import assert_error, multipart

pytestmark = pytest.mark.databases("sqlite")

JSON = "application/json"
FORM = "application/x-www-form-urlencoded"


class Endless(io.RawIOBase):
    """As many bytes as somebody reads, up to 100 MB."""

    def __init__(self):
        self.left = 100_000_000

    def readable(self):
        return True

    def readinto(self, buffer):
        count = min(len(buffer), self.left)
        buffer[:count] = b"x" * count
        self.left -= count
        return count


def echoed(reply):
    assert reply.status_code == 200, reply.text
    return reply.json["params"]


@pytest.mark.parametrize(
    ("query", "params"),
    [
        ("a=1", {"a": "1"}),
        ("a=1&a=2&a=3", {"a": ["1", "2", "3"]}),
        ("a=%C3%A4+b%20c", {"a": "ä b c"}),
        ("a", {"a": ""}),
        ("a=", {"a": ""}),
        ("&&a=1&", {"a": "1"}),
        ("a=%FF", {"a": "\ufffd"}),
        ("a=%zz", {"a": "%zz"}),
        ("a[b]=1", {"a[b]": "1"}),
        ("a=ä", {"a": "ä"}),
    ],
)
def test_query_values_are_text_and_repeated_ones_arrays(nobody, query, params):
    raw = query.encode().decode("latin-1")
    assert echoed(nobody("echo", environ_overrides={"QUERY_STRING": raw})) == params


@pytest.mark.parametrize("kind", [JSON, "text/plain", "application/javascript", "text/json; x=y"])
def test_bodies_of_text_types_are_json(nobody, kind):
    reply = nobody("echo", data='{"a":[1,null,"ä"]}'.encode(), content_type=kind)
    assert echoed(reply) == {"a": [1, None, "ä"]}


@pytest.mark.parametrize("kind", ["application/octet-stream", "image/png", ""])
def test_bodies_of_other_types_give_no_parameters(nobody, kind):
    assert echoed(nobody("echo", data='{"a":1}', content_type=kind)) == {}


@pytest.mark.parametrize("body", ["[1,2]", "null", "5", '"x"', "true"])
def test_json_that_is_no_object_gives_no_parameters(nobody, body):
    assert echoed(nobody("echo", data=body, content_type=JSON)) == {}


def test_forms_are_read_like_queries(nobody):
    assert echoed(nobody("echo", data="a=1&b=2&a=%C3%A4", content_type=FORM)) == {
        "a": ["1", "ä"],
        "b": "2",
    }


def test_multipart_bodies_give_fields_and_files(nobody):
    reply = nobody(
        "echo",
        **multipart(
            ("a", None, b"1"), ("a", None, b"2"), ("b", None, "ä".encode()), ("f", "x.txt", b"abc")
        ),
    )
    assert echoed(reply) == {"a": ["1", "2"], "b": "ä"}
    assert reply.json["files"] == {"f": {"name": "x.txt", "size": 3}}


def test_a_boundary_does_not_decide_what_a_body_is(nobody):
    body = b'--json\r\nContent-Disposition: form-data; name="a"\r\n\r\n1\r\n--json--\r\n'
    kind = "multipart/form-data; boundary=json"
    assert echoed(nobody("echo", data=body, content_type=kind)) == {"a": "1"}


@pytest.mark.parametrize(
    "body",
    [
        "",
        " ",
        "{",
        '{"a":1,}',
        "{'a':1}",
        '{"id": "x", nope}',
        "undefined",
        '{"a":NaN}',
        '{"a":Infinity}',
        '{"a":-Infinity}',
        '{"a":1e999}',
        '{"a":' + "1" * 5000 + "}",
        "[" * 100_000,
        '{"a":' * 100_000,
        '{"a":"\x01"}',
        '{"a":1}}',
        b"\xff\xfe",
        b"\x00",
    ],
    ids=range(18),
)
@pytest.mark.parametrize("path", ["/api/app/echo", "/api/app/echo/v1"])
def test_malformed_json_is_an_ordinary_400_with_and_without_version(nobody, path, body):
    length = {"CONTENT_LENGTH": str(len(body))}
    reply = nobody(path, data=body, content_type=JSON, method="POST", environ_overrides=length)
    assert_error(reply, 400, "api", "Failed to parse JSON: SyntaxError: ")


def test_lone_surrogates_are_replaced(nobody):
    reply = nobody("echo", data=r'{"a":"\ud800x","\udfff":1}', content_type=JSON)
    assert echoed(reply) == {"a": "\ufffdx", "\ufffd": 1}


@pytest.mark.parametrize(
    ("body", "kind"),
    [
        (b"--x\r\nnonsense", "multipart/form-data; boundary=x"),
        (b"abc", "multipart/form-data"),
        (
            b"--x\r\nContent-Disposition: form-data\r\n\r\n1\r\n--x--",
            "multipart/form-data; boundary=x",
        ),
    ],
)
def test_malformed_multipart_bodies_are_an_ordinary_400(nobody, body, kind):
    assert_error(nobody("echo", data=body, content_type=kind, method="POST"), 400, "api", "Failed")


def test_too_many_parameters_are_refused(nobody):
    many = "&".join(f"a{number}=1" for number in range(1001))
    assert_error(nobody("echo", data=many, content_type=FORM), 400, "api", "More than 1000")


@pytest.mark.parametrize("path", ["/api/app/echo", "/api/app/echo/v1"])
@pytest.mark.parametrize("kind", [JSON, FORM, "text/plain"])
def test_large_bodies_are_refused_by_their_length(nobody, path, kind):
    body = Endless()
    environ = {"wsgi.input": body, "CONTENT_LENGTH": "100000000"}
    reply = nobody(path, method="POST", content_type=kind, environ_overrides=environ)
    assert_error(reply, 413, "api", "The request body is larger than 1000000 bytes.")
    assert body.left == 100_000_000


@pytest.mark.parametrize("kind", [JSON, FORM, "multipart/form-data; boundary=x"])
def test_large_bodies_of_unknown_length_are_read_up_to_the_limit(nobody, kind):
    body = Endless()
    environ = {
        "wsgi.input": body,
        "wsgi.input_terminated": True,
        "HTTP_TRANSFER_ENCODING": "chunked",
    }
    reply = nobody("echo", method="POST", content_type=kind, environ_overrides=environ)
    assert_error(reply, 413, "api", "The ")
    assert body.left > 90_000_000
    reply.close()
    assert body.left == 0


@pytest.mark.parametrize("method", ["POST", "PUT"])
def test_unread_bodies_are_drained_after_the_reply(nobody, method):
    body = Endless()
    environ = {"wsgi.input": body, "CONTENT_LENGTH": "100000000"}
    reply = nobody("/nosuch", method=method, environ_overrides=environ)
    assert reply.status_code == 404
    assert body.left == 100_000_000
    reply.close()
    assert body.left == 0


def test_large_fields_of_multipart_bodies_are_refused(nobody):
    reply = nobody("run_event", **multipart(("a", None, b"x" * 1_500_000)))
    assert_error(reply, 413, "api", "The form has too many or too large fields.")


def test_files_may_be_larger_than_parameters_where_they_are_wanted(call, event):
    def body(size):
        return multipart(("id", None, event.encode()), ("f", "x", b"x" * size))

    assert call("run_event", **body(1_500_000)).status_code == 200
    assert_error(call("run_event", **body(2_500_000)), 413, "api", "The request body is larger")
    assert call("upload_files", **body(1_500_000)).status_code == 200
    assert_error(call("get_event", **body(1_500_000)), 413, "api", "The request body is larger")


def test_files_of_a_body_that_breaks_off_are_closed(nobody):
    whole = multipart(("f", "x", b"x" * 1_000_000))
    before = set(Path("/proc/self/fd").iterdir())
    reply = nobody("echo", data=whole["data"][:600_000], content_type=whole["content_type"])
    assert_error(reply, 400, "api", "Failed to parse the multipart body")
    assert len(set(Path("/proc/self/fd").iterdir())) <= len(before)


def test_in_merged_endpoints_the_query_wins(call, job):
    reply = call(f"/api/app/get_job/v1?id={job}", {"id": "jother"})
    assert reply.json["job"]["id"] == job
    assert call("get_job", {"id": job}).json["job"]["id"] == job


def test_body_endpoints_ignore_the_query(call, job):
    reply = call(f"/api/app/update_job/v1?id={job}&label=x")
    assert_error(reply, 400, "api", "Missing parameter: id")


def test_in_run_event_the_body_wins(call, event):
    assert call("/api/app/run_event/v1?id=nosuch", {"id": event}).json["code"] == 0
    reply = call("/api/app/run_event/v1?id=etest", {"id": "nosuch"})
    assert_error(reply, 404, "event", "Event not found: nosuch")


@pytest.mark.parametrize("name", ["api_key", "session_id", "csrf_token", "pretty", "cachebust"])
def test_credentials_are_never_parameters(nobody, name):
    assert echoed(nobody(f"/api/app/echo/v1?{name}=x&a=1")) == {"a": "1"}
    assert echoed(nobody("echo", {name: "x", "a": 1})) == {"a": 1}
    assert echoed(nobody("echo", {name: {"x": []}, "a": 1})) == {"a": 1}


def test_the_body_of_a_head_request_is_not_read(nobody):
    reply = nobody("echo", method="HEAD", data="{", content_type=JSON)
    assert reply.status_code == 200
