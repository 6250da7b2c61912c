"""The HTTP request plugin: timeouts, redirects, TLS, downloads, broken and huge responses."""

import json
import resource
import subprocess
import sys

import pytest

from tests.plugins.programs import DEADLINE_SECONDS, PLUGINS, read_output
from tests.plugins.servers import MIB, port_that_never_accepts


@pytest.mark.parametrize("path", ["silent", "drip"])
def test_total_timeout(server, run_http, path):
    run = run_http(f"{server.url}/{path}", timeout=1, idle_timeout=10)
    assert run.outcome == (1, "Request Timeout (1000 ms)")
    assert 1 <= run.elapsed_seconds < 4


def test_idle_timeout(server, run_http):
    run = run_http(f"{server.url}/silent", timeout=20, idle_timeout=0.5)
    assert run.outcome == (1, "Idle Timeout (500 ms)")


def test_idle_timeout_defaults_to_the_total_one(server, run_http):
    run = run_http(f"{server.url}/silent", timeout="0.5")
    assert run.outcome == (1, "Request Timeout (500 ms)")


def test_connect_timeout(run_http):
    with port_that_never_accepts() as port:
        run = run_http(f"http://127.0.0.1:{port}/", connect_timeout=0.5)
    assert run.outcome == (1, "Connect Timeout (500 ms)")


def test_endless_regular_expression_is_stopped(server, run_http):
    server.body = b"a" * 60 + b"b"
    run = run_http(f"{server.url}/body", timeout=1, success_match="(a+)+$")
    assert run.outcome == (1, "Request Timeout (1000 ms)")
    assert run.elapsed_seconds < 4


def test_endless_regular_expression_is_stopped_without_a_timeout(server, run_http):
    server.body = b"a" * 60 + b"b"
    run = run_http(f"{server.url}/body", timeout=0, success_match="(a+)+$")
    assert run.outcome == (1, "Request Timeout (10000 ms)")


def test_redirect_is_followed_if_asked_for(server, run_http):
    run = run_http(f"{server.url}/redirect?to=/text", follow=True)
    assert run.outcome == (0, "Success (HTTP 200 OK)")
    assert [request[1] for request in server.requests] == ["/redirect?to=/text", "/text"]
    assert "Redirects: 1" in run.result["markdown"]["content"]


def test_redirect_is_a_success_if_not_followed(server, run_http):
    run = run_http(f"{server.url}/redirect?to=/text")
    assert run.outcome == (0, "Success (HTTP 302 Found)")
    assert run.result["data"]["headers"]["location"] == "/text"
    assert len(server.requests) == 1


def test_redirect_loop_ends(server, run_http):
    run = run_http(f"{server.url}/loop", follow=True)
    assert run.outcome == (1, "Too many redirects (32)")
    assert len(server.requests) == 33


@pytest.mark.parametrize(
    ("status", "method", "then"),
    [
        (301, "POST", ("GET", b"")),
        (302, "PUT", ("PUT", b"x=1")),
        (303, "PUT", ("GET", b"")),
        (307, "POST", ("POST", b"x=1")),
        (308, "POST", ("POST", b"x=1")),
        (303, "HEAD", ("HEAD", b"")),
    ],
)
def test_method_after_a_redirect(server, run_http, status, method, then):
    url = f"{server.url}/redirect?status={status}&to=/text"
    run_http(url, method=method, data="x=1", follow=True)
    command, _, _, body = server.requests[1]
    assert (command, body) == then


def test_credentials_stay_with_their_origin(server, other_server, run_http):
    headers = "Authorization: Bearer abc\nCookie: c=1\nX-Colour: blue"
    run_http(f"{server.url}/redirect?to={other_server.url}/text", headers=headers, follow=True)
    sent = other_server.requests[0][2]
    assert sent["x-colour"] == "blue"
    assert "authorization" not in sent
    assert "cookie" not in sent


def test_credentials_are_kept_within_an_origin(server, run_http):
    run_http(f"{server.url}/redirect?to=/text", headers="Authorization: Bearer abc", follow=True)
    assert server.requests[1][2]["authorization"] == "Bearer abc"


def test_redirect_to_another_scheme_is_refused(server, run_http):
    run = run_http(f"{server.url}/redirect?to=file:///etc/passwd", follow=True)
    assert run.outcome == (1, "Malformed URL: file:///etc/passwd")


def test_certificate_is_verified(tls_server, run_http):
    code, description = run_http(f"{tls_server.url}/text").outcome
    assert code == 1
    assert description.startswith("TLS Error: unable to get local issuer certificate")


def test_certificate_check_can_be_bypassed(tls_server, run_http):
    run = run_http(f"{tls_server.url}/text", ssl_cert_bypass=1)
    assert run.outcome == (0, "Success (HTTP 200 OK)")
    assert tls_server.requests[0][2]["host"] == f"localhost:{tls_server.server_port}"


def test_tls_with_a_plain_server(server, run_http):
    code, description = run_http(f"{server.url}/text".replace("http:", "https:")).outcome
    assert code == 1
    assert description.startswith("TLS Error: ")


@pytest.mark.parametrize(
    ("path", "description"),
    [
        ("reset", "Connection Reset: Lost connection to host: 127.0.0.1"),
        ("cut", "Incomplete response: 9 of 1000 bytes"),
        ("truncated_gzip", "Incomplete response: The compressed body ends early"),
    ],
)
def test_broken_responses(server, run_http, path, description):
    assert run_http(f"{server.url}/{path}").outcome == (1, description)


def test_response_that_is_not_http(server, run_http):
    code, description = run_http(f"{server.url}/garbage").outcome
    assert code == 1
    assert description.startswith("Invalid HTTP response: BadStatusLine")


def test_chunked_body(server, run_http):
    run = run_http(f"{server.url}/chunked", success_match="^first second third$")
    assert run.outcome == (0, "Success (HTTP 200 OK)")


def test_compressed_body_is_decoded(server, run_http):
    run = run_http(f"{server.url}/gzip", success_match="^(plain ){50000}$")
    assert run.outcome == (0, "Success (HTTP 200 OK)")


def test_compressed_body_of_several_members(server, run_http):
    run = run_http(f"{server.url}/gzip_members", success_match="^one two$")
    assert run.outcome == (0, "Success (HTTP 200 OK)")


def test_head_of_a_compressed_body(server, run_http):
    run = run_http(f"{server.url}/gzip", method="HEAD", download=True)
    assert run.outcome == (0, "Success (HTTP 200 OK)")
    assert "files" not in run.result


def test_progress_follows_the_content_length(server, run_http):
    run = run_http(f"{server.url}/progress")
    reported = [message["progress"] for message in run.messages if "progress" in message]
    assert len(reported) >= 3
    assert reported == sorted(reported)
    assert 0 < reported[0] < reported[-1] <= 1


def test_huge_body_is_cut_in_the_details(server, run_http):
    run = run_http(f"{server.url}/huge?mib=3")
    content = run.result["markdown"]["content"]
    assert f"(The first {MIB} of {3 * MIB} bytes)" in content
    assert "json" not in run.result["data"]


@pytest.mark.parametrize("path", ["huge.dat?mib=300", "gzip_bomb/huge.dat"])
def test_memory_is_bounded_by_a_limit_far_below_the_download(server, tmp_path, path):
    job = {"params": {"url": f"{server.url}/{path}", "download": 1, "timeout": 25}}
    limit_bytes = 200 * MIB
    done = subprocess.run(
        [sys.executable, "-I", str(PLUGINS / "http_request.py")],
        input=json.dumps(job).encode(),
        capture_output=True,
        cwd=tmp_path,
        preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_AS, (limit_bytes, limit_bytes)),
        timeout=DEADLINE_SECONDS,
        check=False,
    )
    _, messages = read_output(done.stdout)
    assert messages[-1]["description"] == "Success (HTTP 200 OK)"
    assert (tmp_path / "huge.dat").stat().st_size == 300 * MIB


@pytest.mark.parametrize(
    ("path", "headers", "filename", "expected"),
    [
        ("/body/report.csv?x=1", {}, "", "report.csv"),
        ("/body/report", {"Content-Type": "image/png"}, "", "report.png"),
        ("/body/report", {"Content-Type": "application/octet-stream"}, "", "report.bin"),
        ("/body/report", {}, "", "report.bin"),
        ("/body/a%20b.txt", {}, "", "a b.txt"),
        ("/body/%2e%2e%2f..%2fx.txt", {}, "", "x.txt"),
        ("/body/x.csv", {}, "mine.csv", "mine.csv"),
        ("/body/x.csv", {}, "../../mine.csv", "mine.csv"),
        ("/body/x.csv", {}, "..", "download.bin"),
        ("/body/x", {"Content-Disposition": 'attachment; filename="y.txt"'}, "", "y.txt"),
        ("/body/x", {"Content-Disposition": 'attachment; filename="/etc/y.txt"'}, "", "y.txt"),
        (
            "/body/x",
            {"Content-Disposition": "attachment; filename*=UTF-8''%C3%A9.txt"},
            "",
            "é.txt",
        ),
        ("/body/x", {"Content-Disposition": 'attachment; filename="y.txt"'}, "z.txt", "y.txt"),
    ],
)
def test_download_is_saved_and_attached(server, run_http, path, headers, filename, expected):
    server.body, server.headers = b"\0\1contents", headers
    run = run_http(f"{server.url}{path}", download=True, filename=filename)
    assert run.outcome == (0, "Success (HTTP 200 OK)")
    assert run.result["files"] == [{"path": expected, "filename": expected}]
    assert [path.name for path in run.directory.iterdir()] == [expected]
    assert (run.directory / expected).read_bytes() == b"\0\1contents"
    assert f"(Saved as {expected}, 10 bytes)" in run.result["markdown"]["content"]


def test_long_filename_is_cut(server, run_http):
    run = run_http(f"{server.url}/text", download=True, filename="é" * 300 + ".txt")
    name = run.result["files"][0]["filename"]
    assert name == "é" * 98 + ".txt"


def test_failed_status_is_not_saved(server, run_http):
    run = run_http(f"{server.url}/missing.txt", download=True)
    assert run.outcome == (404, "HTTP 404 Not Found")
    assert list(run.directory.iterdir()) == []


def test_incomplete_download_is_not_attached(server, run_http):
    run = run_http(f"{server.url}/cut", download=True)
    assert run.outcome == (1, "Incomplete response: 9 of 1000 bytes")
    assert run.result["files"] == []


def test_download_that_can_not_be_written(server, run_http, tmp_path):
    (tmp_path / "taken.txt").mkdir()
    run = run_http(f"{server.url}/text", download=True, filename="taken.txt")
    assert run.outcome == (1, "Failed to write file: Is a directory")
