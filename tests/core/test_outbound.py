"""Requests to other services: bounded, and never to where clouds keep credentials."""

import socket
import threading
import time
from contextlib import contextmanager, suppress
from urllib.parse import quote

import pytest

from core import addresses
from core.outbound import Call, OutboundError, send
from tests.plugins.servers import Server, free_port, make_certificate, port_that_never_accepts

SECONDS = 1.0


@pytest.fixture
def server():
    with Server() as server:
        yield server


def get(url, **options):
    return send(Call("GET", url, options.pop("headers", {}), timeout_seconds=SECONDS, **options))


def test_a_request_arrives_as_it_was_made_and_the_answer_comes_back(server):
    answer = send(Call("POST", f"{server.url}/echo?x=1", {"X-Own": "yes"}, body=b"hello"))
    [(method, path, headers, body)] = server.requests
    assert (method, path, headers["x-own"], body) == ("POST", "/echo?x=1", "yes", b"hello")
    assert (answer.status, answer.reason) == (200, "OK")
    assert b'"body": "hello"' in answer.body


def test_connections_are_used_again(server, monkeypatch):
    get(f"{server.url}/text")
    monkeypatch.setattr(socket, "getaddrinfo", None)
    assert get(f"{server.url}/text").body == b"all is well"


@pytest.mark.parametrize("path", ["drip", "silent"])
def test_who_answers_for_ever_is_given_up_in_time(server, path):
    began = time.monotonic()
    with pytest.raises(OutboundError, match=r"Request Timeout \(1000 ms\)"):
        get(f"{server.url}/{path}")
    assert time.monotonic() - began < 5


def test_a_host_that_never_accepts_is_given_up_in_time():
    with port_that_never_accepts() as port, pytest.raises(OutboundError, match="Request Timeout"):
        get(f"http://127.0.0.1:{port}/")


@pytest.mark.parametrize("path", ["huge?mib=50", "gzip_bomb"])
def test_of_a_large_answer_only_the_beginning_is_read(server, path):
    # The bomb takes its time to be made.
    answer = send(Call("GET", f"{server.url}/{path}", {}, timeout_seconds=20))
    assert len(answer.body) == 64 * 1024


@pytest.mark.parametrize("path", ["reset", "garbage", "cut"])
def test_a_broken_answer_is_an_error_with_a_reason(server, path):
    with pytest.raises(OutboundError, match=r"\w"):
        get(f"{server.url}/{path}")


def test_redirects_are_followed_when_wanted(server):
    url = f"{server.url}/redirect?to=/text"
    assert get(url).body == b"all is well"
    assert get(url, follows_redirects=False).status == 302
    with pytest.raises(OutboundError, match="Too many redirects"):
        get(f"{server.url}/loop")


@pytest.mark.parametrize(("status", "method"), [(302, "GET"), (303, "GET"), (307, "POST")])
def test_a_redirect_keeps_the_body_where_its_status_says_so(server, status, method):
    url = f"{server.url}/redirect?to=/echo&status={status}"
    send(Call("POST", url, {"Content-Type": "text/plain"}, body=b"hello"))
    assert server.requests[-1][0] == method
    assert server.requests[-1][3] == (b"hello" if method == "POST" else b"")


def test_credentials_stay_with_the_first_receiver(server):
    with Server() as other:
        headers = {"Authorization": "Bearer x", "Cookie": "a=b", "X-Own": "yes"}
        get(f"{server.url}/redirect?to={other.url}/text", headers=headers)
        get(f"{server.url}/redirect?to=/text", headers=headers)
        seen = other.requests[0][2]
    assert "authorization" not in seen
    assert "cookie" not in seen
    assert seen["x-own"] == "yes"
    assert server.requests[-1][2]["authorization"] == "Bearer x"


@pytest.fixture
def treat_loopback_as_metadata(monkeypatch):
    """As if this host kept a cloud's metadata: nothing else answers in a test."""
    monkeypatch.setattr(addresses, "_METADATA", {addresses.ipaddress.ip_address("127.0.0.1")})


def test_nothing_is_said_to_a_forbidden_address_whatever_its_name(
    server, treat_loopback_as_metadata
):
    with pytest.raises(OutboundError, match="Address is not allowed"):
        get(f"http://localhost:{server.server_port}/text")
    assert server.requests == []
    allowed = get(f"{server.url}/text", may_reach_metadata=True)
    assert allowed.status == 200


def test_a_forbidden_address_is_not_even_connected_to(treat_loopback_as_metadata):
    with socket.create_server(("127.0.0.1", 0)) as listener:
        listener.settimeout(0)
        with pytest.raises(OutboundError, match="Address is not allowed"):
            get(f"http://127.0.0.1:{listener.getsockname()[1]}/")
        with pytest.raises(BlockingIOError):
            listener.accept()


def test_the_address_that_was_looked_up_is_the_one_that_is_connected_to(server, monkeypatch):
    """A name that answers differently when it is asked again gets nobody past the check."""
    look_up, answers = socket.getaddrinfo, ["127.0.0.1", "169.254.169.254"]

    def rebinding(host, *args, **options):
        return look_up(answers.pop(0) if host == "evil.example" else host, *args, **options)

    monkeypatch.setattr(socket, "getaddrinfo", rebinding)
    assert get(f"http://evil.example:{server.server_port}/text").status == 200
    assert answers == ["169.254.169.254"]


@pytest.mark.parametrize(
    "location",
    [
        *("http://[::1", "http://[x]/", "http://x:y/", "http://x:99999/", "//[", "http://", "///x"),
        *("ftp://x/", "javascript:alert(1)", "http://a%00b/", "http://\xe9.example:x/", "?\x80#["),
        *("http://" + "x" * 300 + "/", "http:/" + "/" * 9000),
    ],
)
def test_an_odd_redirect_is_an_answer_or_an_error(server, location):
    with suppress(OutboundError):
        assert get(f"{server.url}/redirect?to={quote(location, encoding='latin-1')}").status


def test_a_host_that_never_ends_its_handshake_is_given_up_in_time():
    """A byte now and then must not prolong it."""
    with slow_handshake() as port, pytest.raises(OutboundError, match="Request Timeout"):
        get(f"https://127.0.0.1:{port}/")


@contextmanager
def slow_handshake():
    """The port of a server that sends the beginning of a long TLS record, byte by byte."""
    with socket.create_server(("127.0.0.1", 0)) as listener:

        def drip():
            connection, _ = listener.accept()
            with connection, suppress(OSError):
                for byte in b"\x16\x03\x03\x40\x00" + b"x" * 300:
                    connection.sendall(bytes([byte]))
                    time.sleep(0.1)

        thread = threading.Thread(target=drip, daemon=True)
        thread.start()
        yield listener.getsockname()[1]
        thread.join()


def test_a_name_that_is_never_found_is_given_up_in_time(monkeypatch):
    never = threading.Event()
    monkeypatch.setattr(socket, "getaddrinfo", lambda *_, **__: never.wait(20))
    try:
        with pytest.raises(OutboundError, match="Request Timeout"):
            get("http://slow.example/")
    finally:
        never.set()


def test_a_redirect_to_a_forbidden_address_ends_there(server):
    with pytest.raises(OutboundError, match="Address is not allowed"):
        # A form that the operating system routes to nobody.
        get(f"{server.url}/redirect?to=http://[::ffff:169.254.169.254]/latest/meta-data")


def test_a_certificate_that_nobody_vouches_for_is_refused_unless_any_will_do(tmp_path):
    with Server(make_certificate(tmp_path)) as server:
        with pytest.raises(OutboundError, match="TLS: "):
            get(f"{server.url}/text")
        assert get(f"{server.url}/text", checks_certificate=False).body == b"all is well"


@pytest.mark.parametrize(
    "url", ["notaurl", "ftp://x/", "http://", "http://a b/", "http://127.0.0.1:99999/", "http:///x"]
)
def test_what_is_no_url_is_said_to_be_none(url):
    with pytest.raises(OutboundError, match="Malformed URL: "):
        get(url)


def test_who_is_not_there_is_named():
    with pytest.raises(OutboundError, match=r"Failed to connect to host: 127\.0\.0\.1"):
        get(f"http://127.0.0.1:{free_port()}/")
