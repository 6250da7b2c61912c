"""What only a real server meets: requests that are no HTTP, bodies and clients that break off."""

import contextlib
import json
import os
import socket
import time

import pytest

from tests.processes import until
from tests.server import ADMIN_KEY

pytestmark = pytest.mark.databases("sqlite")

HOST = f"Host: x\r\nX-API-Key: {ADMIN_KEY}\r\n".encode()
JSON = b"Content-Type: application/json\r\n"
POST = b"POST /api/app/ping/v1 HTTP/1.1\r\n" + HOST + JSON


def exchange(server, *parts):
    """Send these bytes; status line, headers and body of all that comes back."""
    with connected(server) as connection:
        for part in parts:
            connection.sendall(part)
        connection.shutdown(socket.SHUT_WR)
        received = b"".join(iter(lambda: connection.recv(65536), b""))
    head, _, body = received.partition(b"\r\n\r\n")
    return head.decode(), body.decode()


@contextlib.contextmanager
def connected(server):
    with socket.create_connection(("127.0.0.1", server.port), timeout=20) as connection:
        yield connection


def is_idle(server):
    """Whether nothing that clients sent or left is still held."""
    incoming = server.instance / "files" / ".incoming"
    return not incoming.exists() or not list(incoming.iterdir())


def open_files(server):
    """How many descriptors the web workers hold."""
    return sum(len(os.listdir(f"/proc/{pid}/fd")) for pid in server.workers)


@pytest.mark.parametrize(
    ("request_bytes", "status"),
    [
        (b"\x16\x03\x01 hello\r\n\r\n", 400),
        (b"GET <b>\r\n\r\n", 400),
        (b"GET / HTTP/1.1\r\nHo st: x\r\n\r\n", 400),
        (b"GET / HTTP/9.9\r\n" + HOST + b"\r\n", 400),
        (b"GET /" + b"a" * 9000 + b" HTTP/1.1\r\n" + HOST + b"\r\n", 414),
        (b"GET / HTTP/1.1\r\nX-A: " + b"a" * 9000 + b"\r\n\r\n", 431),
        (b"GET / HTTP/1.1\r\n" + b"".join(b"X-%d: a\r\n" % n for n in range(200)) + b"\r\n", 431),
        (POST + b"Content-Length: -5\r\n\r\n", 400),
        (POST + b"Content-Length: 1e3\r\n\r\n", 400),
        (POST + b"Content-Length: 2\r\nContent-Length: 3\r\n\r\n{}", 400),
        (POST + b"Content-Length: 4\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n", 400),
        (POST + b"Transfer-Encoding: gzip\r\n\r\n{}", 400),
        (POST + b"Expect: miracles\r\nContent-Length: 2\r\n\r\n{}", 417),
        (POST + b"Transfer-Encoding: chunked\r\n\r\nzz\r\n{}\r\n0\r\n\r\n", 400),
        (POST + b"Transfer-Encoding: chunked\r\n\r\n5\r\n{}", 400),
        (POST + b"Content-Length: 99\r\n\r\n{}", 400),
        (POST + b"Content-Length: 99999999999999\r\n\r\n{}", 413),
    ],
)
def test_what_is_no_sound_request_gets_the_one_error_shape(server, request_bytes, status):
    head, body = exchange(server, request_bytes)
    assert head.startswith(f"HTTP/1.1 {status} ")
    assert "\r\nX-Request-ID: " in head
    assert "\r\nX-Content-Type-Options: nosniff" in head
    assert set(json.loads(body)) == {"code", "description"}
    assert "<" not in body


def test_a_client_may_ask_before_it_sends(server):
    head, body = exchange(server, POST + b"Expect: 100-continue\r\nContent-Length: 2\r\n\r\n{}")
    assert head == "HTTP/1.1 100 Continue"
    assert body.startswith("HTTP/1.1 200 OK\r\n")


def test_half_a_form_runs_nothing(server):
    event = server.event()
    body = f"id={event}&params/x=1".encode()
    form = b"Content-Type: application/x-www-form-urlencoded\r\nContent-Length: 999\r\n\r\n"
    head, _ = exchange(server, b"POST /api/app/run_event/v1 HTTP/1.1\r\n" + HOST + form + body)
    assert head.startswith("HTTP/1.1 400 ")
    assert server.call("get_event", id=event)["jobs"] == []


def test_an_upload_that_breaks_off_leaves_nothing(server):
    before = open_files(server)
    head = (
        b"POST /api/app/upload_job_input_files/v1 HTTP/1.1\r\n" + HOST + b"Content-Length: 9999999"
        b"\r\nContent-Type: multipart/form-data; boundary=x\r\n\r\n"
        b'--x\r\nContent-Disposition: form-data; name="f"; filename="a"\r\n\r\n'
    )
    for _ in range(3):
        with connected(server) as connection:
            connection.sendall(head + b"x" * 3_000_000)
            until(lambda: not is_idle(server), what="the upload to arrive")
    until(lambda: is_idle(server), what="the folder of what arrives to be empty")
    until(lambda: open_files(server) <= before + 2, what="the descriptors to be closed")


def test_a_reader_that_goes_away_or_stops_costs_nobody_else(server):
    upload = {"file1": ("big.bin", b"x" * 30_000_000)}
    (file,) = server.post("upload_job_input_files", files=upload).json()["files"]
    before = open_files(server)
    request = f"GET /{file['path']} HTTP/1.1\r\nHost: x\r\n\r\n".encode()
    with contextlib.ExitStack() as stack:
        for _ in range(20):
            connection = stack.enter_context(connected(server))
            connection.sendall(request)
            assert connection.recv(1000).startswith(b"HTTP/1.1 200 OK")
        started = time.monotonic()
        assert server.call("ping") == {"code": 0}
        assert time.monotonic() - started < 1
    until(lambda: open_files(server) <= before + 2, what="the descriptors to be closed")


def test_a_large_upload_holds_up_nobody(server):
    boundary = b"x"
    size = 60_000_000
    part = b'--x\r\nContent-Disposition: form-data; name="f"; filename="a.bin"\r\n\r\n'
    total = len(part) + size + len(b"\r\n--" + boundary + b"--\r\n")
    head = (
        b"POST /api/app/upload_job_input_files/v1 HTTP/1.1\r\n" + HOST + b"Connection: close\r\n"
        b"Content-Type: multipart/form-data; boundary=x\r\n"
        b"Content-Length: %d\r\n\r\n" % total
    )
    slowest = 0.0
    with connected(server) as connection:
        connection.sendall(head + part)
        for _ in range(60):
            connection.sendall(b"x" * 1_000_000)
            started = time.monotonic()
            server.call("ping")
            slowest = max(slowest, time.monotonic() - started)
        connection.sendall(b"\r\n--x--\r\n")
        reply = b"".join(iter(lambda: connection.recv(65536), b""))
    assert json.loads(reply.partition(b"\r\n\r\n")[2])["files"][0]["size"] == size
    assert slowest < 0.5
