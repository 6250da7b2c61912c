"""Bodies that don't come as announced: half ones, slow ones, endless ones, on a full disk."""

import io
import time

import gevent
import pytest

from blueprints import bodies
from tests.blueprints.api import assert_error, multipart

pytestmark = pytest.mark.databases("sqlite")


class Sender(io.RawIOBase):
    """A client that sends these parts; gunicorn reads it without knowing where the body ends."""

    def __init__(self, *parts, pause=0.0, broken=False):
        self.parts = list(parts)
        self.pause = pause
        self.broken = broken

    def read(self, size=-1):
        if self.pause:
            gevent.sleep(self.pause)
        if not self.parts and self.broken:
            raise ConnectionResetError
        part = self.parts.pop(0) if self.parts else b""
        if len(part) > size >= 0:
            self.parts.insert(0, part[size:])
            part = part[:size]
        return part


def send(call, sender, length, kind="application/json", name="create_event"):
    """Have `sender` send a body that is announced with this length; None is chunked."""
    environ = {"wsgi.input": sender, "wsgi.input_terminated": True, "CONTENT_TYPE": kind}
    if length is None:
        environ["HTTP_TRANSFER_ENCODING"] = "chunked"
    else:
        environ["CONTENT_LENGTH"] = str(length)
    return call(name, method="POST", environ_overrides=environ)


@pytest.mark.parametrize(
    ("kind", "part"),
    [
        ("application/json", b'{"id":"a"}'),
        ("application/x-www-form-urlencoded", b"id=hello&title=b"),
        ("multipart/form-data; boundary=limit", multipart(("id", None, b"hello"))["data"]),
    ],
)
def test_half_a_body_is_not_taken_for_a_whole_one(call, event, kind, part):
    reply = send(call, Sender(part), len(part) + 10, kind, "run_event")
    assert_error(reply, 400, "api", "The request body ended too early.")
    assert call("get_active_jobs").json["rows"] == []


@pytest.mark.parametrize("length", [None, 1000])
def test_a_connection_that_breaks_is_the_senders_error(call, length):
    reply = send(call, Sender(b'{"id":', broken=True), length)
    assert_error(reply, 400, "api", "The request body is broken off or malformed.")


@pytest.mark.parametrize("length", [None, 1000])
def test_a_body_that_does_not_arrive_is_given_up(call, monkeypatch, length):
    monkeypatch.setattr(bodies, "_BLOCK_SECONDS", 0.05)
    started = time.monotonic()
    reply = send(call, Sender(b'{"id":', b"1}", pause=5), length)
    assert_error(reply, 408, "api", "The request body did not arrive in time.")
    assert time.monotonic() - started < 4


def test_an_endless_body_is_refused_at_the_limit(call, monkeypatch):
    monkeypatch.setattr(bodies, "_MOST_DRAINED_BYTES", 4 * 1024 * 1024)

    class Endless(Sender):
        """A client that never ends."""

        size = 0

        def read(self, size=-1):
            self.size += size
            return b" " * size

    sender = Endless()
    assert_error(send(call, sender, None), 413, "api", "The request body is larger than")
    # What comes after that is read for a while, so that the reply can be, and then no more.
    assert sender.size <= 1_000_000 + bodies._MOST_DRAINED_BYTES + 2 * bodies._BLOCK_BYTES


def test_files_are_refused_while_the_disk_is_nearly_full(app, call, event):
    app.config["MIN_FREE_BYTES"] = 2**62
    reply = call("run_event", **multipart(("id", None, b"etest"), ("f", "a.txt", b"data")))
    assert_error(reply, 503, "api", "Not enough disk space for files.")
    assert reply.headers["Retry-After"] == "30"


def test_no_file_of_a_refused_body_stays_on_disk(app, call, event):
    large = b"x" * 600_000
    refused = multipart(("id", None, b"etest"), ("f", "a.bin", large), ("g", "b.bin", large))
    body = refused["data"][:-200]
    reply = send(call, Sender(body), len(body) + 200, refused["content_type"], "run_event")
    assert_error(reply, 400, "api", "The request body ended too early.")
    assert list((app.config["INSTANCE_PATH"] / "files" / ".incoming").iterdir()) == []
