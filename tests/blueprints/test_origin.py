"""What the transaction log keeps of a request: where it comes from, and no credentials."""

import pytest

from blueprints.origin import origin_of
from tests.blueprints.api import EVENT

pytestmark = pytest.mark.databases("sqlite")


def environ(**headers):
    return {"REMOTE_ADDR": "10.0.0.1", **{f"HTTP_{name}": text for name, text in headers.items()}}


def test_proxies_addresses_are_told_apart_from_the_connections():
    origin = origin_of(environ(X_FORWARDED_FOR="192.0.2.7, evil\0, ::1,<b>"))

    assert origin["ip"] == "10.0.0.1"
    assert origin["ips"] == ["192.0.2.7", "::1", "10.0.0.1"]


def test_only_the_nearest_proxies_count():
    told = ",".join(f"192.0.2.{number}" for number in range(100))

    assert origin_of(environ(X_FORWARDED_FOR=told))["ips"][0] == "192.0.2.90"


def test_headers_are_bounded_and_hold_no_credentials():
    secret = "sesame"
    names = ("AUTHORIZATION", "COOKIE", "X_API_KEY", "X_SESSION_ID", "X_CSRF_TOKEN", "X_OTHER")
    referer = f"https://ann:{secret}@here/page?api_key={secret}#{secret}"
    headers = origin_of(
        environ(**dict.fromkeys(names, secret), REFERER=referer, USER_AGENT="x" * 9000)
    )["headers"]

    assert headers == {"referer": "https://here/page", "user-agent": "x" * 500}
    assert origin_of(environ(REFERER="http://[oops"))["headers"] == {"referer": ""}


def test_a_request_leaves_its_origin(call):
    headers = {"X-Forwarded-For": "192.0.2.7", "User-Agent": "test"}
    call("create_event", {"id": "e1", **EVENT}, headers=headers)

    (record,) = call("search_activity", {"keywords": "e1"}).json["rows"]
    assert record["ips"] == ["192.0.2.7", "127.0.0.1"]
    assert record["headers"]["user-agent"] == "test"
    assert call.key not in str(record)
