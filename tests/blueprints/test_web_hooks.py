"""The endpoints of web hooks; what they share with other records is in test_catalogue.py."""

import pytest

from tests.blueprints.api import assert_error
from tests.plugins.servers import Server

HOOK = {"title": "x", "url": "https://hooks.example/x"}


def test_a_new_hook_has_what_a_request_needs(call):
    hook = call("create_web_hook", HOOK).json["web_hook"]
    expected = {
        "enabled": True,
        "method": "POST",
        "headers": [],
        "body": "",
        "timeout": 30,
        "retries": 0,
    }
    assert hook.items() >= expected.items()
    assert hook["id"].startswith("w")
    assert call("get_multiple", {"lists": "web_hooks"}).json["web_hooks"] == [hook]


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("method", "BREW"),
        ("url", "ftp://x"),
        ("url", "javascript:alert(1)"),
        ("headers", "x"),
        ("headers", ["x"]),
        ("headers", [{"name": "a b", "value": "x"}]),
        ("headers", [{"name": "a", "value": "x\r\nEvil: 1"}]),
        ("headers", [{"name": "a"}]),
        ("headers", [{"name": "a", "value": "b"}] * 101),
        ("timeout", -1),
        ("timeout", 601),
        ("retries", 33),
        ("max_per_day", -1),
    ],
)
@pytest.mark.parametrize("verb", ["create", "test"])
def test_what_no_request_could_be_made_of_is_refused(call, verb, key, value):
    reply = call(f"{verb}_web_hook", {**HOOK, key: value})
    assert_error(reply, 400, "api", f"Malformed web hook parameter: {key}")


def test_a_url_may_come_from_a_macro(call):
    url = "{{ secrets.HOOK_URL }}"
    assert call("create_web_hook", {**HOOK, "url": url.replace(" ", "")}).status_code == 200


def test_a_hook_is_tried_out_without_being_stored(call):
    with Server() as server:
        hook = {"url": f"{server.url}/echo", "body": "{{ text }}"}
        result = call("test_web_hook", hook).json["result"]
        assert (result["code"], result["description"]) == (0, "Success (HTTP 200 OK)")
        assert b"Sample Event" in server.requests[0][3]
    assert call("get_web_hooks").json["rows"] == []


def test_a_failed_try_is_a_result_and_no_error(call):
    reply = call("test_web_hook", {"url": "http://[::ffff:169.254.169.254]/latest"})
    assert reply.status_code == 200
    assert reply.json["result"]["code"] == "webhook"
    assert "Address is not allowed" in reply.json["result"]["description"]
