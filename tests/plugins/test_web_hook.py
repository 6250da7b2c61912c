"""The web hook plugin: what it makes of the server's replies, and of a server that is away."""

import json
import socket
import threading
from contextlib import contextmanager

import pytest

from tests.plugins.programs import run_program


@contextmanager
def replies(*answers):
    """The URL of a server that sends these bytes, one to each request; none: it hangs up."""
    with socket.create_server(("127.0.0.1", 0)) as listener:

        def serve():
            for answer in answers:
                connection, _ = listener.accept()
                with connection:
                    # All of it: who hangs up before that resets the connection.
                    request = b""
                    while not request.endswith(b"}"):
                        request += connection.recv(65536)
                    connection.sendall(answer)

        thread = threading.Thread(target=serve, daemon=True)
        thread.start()
        yield f"http://127.0.0.1:{listener.getsockname()[1]}"
        thread.join()


def http(document, status="200 OK"):
    body = document if isinstance(document, str) else json.dumps(document)
    return f"HTTP/1.1 {status}\r\nContent-Length: {len(body)}\r\n\r\n{body}".encode()


def run(folder, *answers):
    with replies(*answers) as url:
        job = {"xy": 1, "id": "j1", "auth_token": "secret", "base_url": url}
        ran = run_program("web_hook.py", folder, json.dumps(job).encode() + b"\n")
    assert (ran.returncode, ran.stderr) == (0, "")
    assert not any("secret" in line for line in ran.log)
    return ran


GOOD = {"code": 0, "result": {"code": 0, "description": "Success (HTTP 200 OK)"}}


def test_a_server_that_is_started_again_is_asked_again(tmp_path):
    ran = run(tmp_path, b"", http("<html>", "502 Bad Gateway"), http(GOOD))
    assert ran.outcome == (0, "Success (HTTP 200 OK)")
    assert [line for line in ran.log if "asking again" in line] != []


@pytest.mark.parametrize(
    ("answer", "outcome"),
    [
        (http({"code": "auth", "description": "No"}, "400 Bad Request"), ("auth", "No")),
        (http({"code": 0, "result": {"code": "webhook"}}), ("webhook", "(Unknown Error)")),
        (http([1]), (1, "(Unknown Error)")),
        (http({"code": 0, "result": 7}), (1, "(Unknown Error)")),
    ],
)
def test_errors_and_odd_replies_end_the_job(tmp_path, answer, outcome):
    assert run(tmp_path, answer).outcome == outcome


def test_a_reply_that_is_no_json_ends_the_job(tmp_path):
    code, description = run(tmp_path, http("<html>", "404 Not Found")).outcome
    assert code == 1
    assert description.startswith("Failed to reach the server: Expecting value")


def test_macros_in_what_a_receiver_answered_are_none(tmp_path):
    result = GOOD["result"] | {"details": "{{ job.id }}"}
    ran = run(tmp_path, http(GOOD | {"result": result}))
    assert ran.result["markdown"]["content"] == "{ { job.id }}"
