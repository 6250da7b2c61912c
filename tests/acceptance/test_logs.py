"""Logs over HTTP: whole, in parts, compressed, by token, live and final."""

import gzip
import zlib

import httpx
import pytest

from tests.acceptance.scripts import ENDLESS, python
from tests.processes import until

LINES = "".join(f"line {number} of a log that is long enough\n" for number in range(60_000))
IDENTITY = {"Accept-Encoding": "identity"}


@pytest.fixture(scope="module")
def big(server):
    """A job with a log of some megabytes, archived by now."""
    script = python(
        "for number in range(60000): print(f'line {number} of a log that is long enough')"
    )
    job = server.run_and_wait(script)
    until(lambda: "Content-Length" in _head(server, job["id"], {"Accept-Encoding": "gzip"}))
    return job


@pytest.fixture(scope="module")
def small(server):
    """A job with a log of two lines."""
    return server.run_and_wait('#!/bin/sh\necho "hello world"\necho "second line"\n')


def _head(server, job_id, headers):
    path = "/api/app/get_job_log/v1"
    return server.client.head(path, params={"id": job_id}, headers=headers).headers


def raw(server, name, headers, client=None, **params):
    """A response whose body is as it was sent."""
    request = {"params": params, "headers": headers}
    with (client or server.client).stream("GET", f"/api/app/{name}/v1", **request) as response:
        return response, b"".join(response.iter_raw())


def test_a_small_log_is_sent_as_text(server, small):
    response, body = raw(server, "get_job_log", IDENTITY, id=small["id"])
    assert (response.status_code, body) == (200, b"hello world\nsecond line\n")
    assert response.headers["Content-Type"] == "text/plain; charset=utf-8"
    assert response.headers["Content-Length"] == "24"
    assert "Content-Encoding" not in response.headers
    assert "Accept-Encoding" in response.headers["Vary"]
    assert response.headers["X-Request-ID"]


def test_a_big_log_is_not_inline_but_whole(server, big):
    assert "output" not in server.job(big["id"])
    assert big["log_file_size"] == len(LINES)
    response, body = raw(server, "get_job_log", IDENTITY, id=big["id"])
    assert body.decode() == LINES
    assert "Content-Encoding" not in response.headers


def test_gzip_is_sent_only_to_those_who_take_it(server, big):
    response, body = raw(server, "get_job_log", {"Accept-Encoding": "gzip"}, id=big["id"])
    assert response.headers["Content-Encoding"] == "gzip"
    assert int(response.headers["Content-Length"]) == len(body) < len(LINES) / 4
    assert gzip.decompress(body).decode() == LINES
    for accepted in ("identity", "br", "gzip;q=0", "deflate, zstd", ""):
        response, body = raw(server, "get_job_log", {"Accept-Encoding": accepted}, id=big["id"])
        assert "Content-Encoding" not in response.headers, accepted
        assert body.decode() == LINES


def test_a_log_without_text_is_204(server):
    job = server.run_and_wait("#!/bin/sh\nexit 0\n")
    assert job["log_file_size"] == 0
    response = server.get("get_job_log", id=job["id"])
    assert (response.status_code, response.content) == (204, b"")


def test_a_running_job_shows_its_log_so_far(server):
    job_id = server.run(ENDLESS)
    server.wait_for_log(job_id, "started")
    response, body = raw(server, "get_job_log", IDENTITY, id=job_id)
    assert (response.status_code, body) == (200, b"started\n")
    server.call("abort_job", id=job_id)
    assert server.wait(job_id)["output"] == "started\n"


def test_unknown_jobs_have_no_log(server):
    response = server.get("get_job_log", id="jnosuchjob")
    assert (response.status_code, response.json()["code"]) == (404, "notfound")


@pytest.mark.parametrize(
    ("wanted", "start", "stop"),
    [
        ("bytes=0-99", 0, 100),
        ("bytes=1500000-1500999", 1_500_000, 1_501_000),
        ("bytes=-100", len(LINES) - 100, len(LINES)),
        (f"bytes={len(LINES) - 10}-", len(LINES) - 10, len(LINES)),
        (f"bytes=10-{len(LINES) * 2}", 10, len(LINES)),
    ],
)
def test_ranges_of_a_log(server, big, wanted, start, stop):
    response, body = raw(server, "get_job_log", IDENTITY | {"Range": wanted}, id=big["id"])
    assert response.status_code == 206
    assert body.decode() == LINES[start:stop]
    assert response.headers["Content-Range"] == f"bytes {start}-{stop - 1}/{len(LINES)}"
    assert response.headers["Content-Length"] == str(stop - start)


def test_ranges_beyond_the_end_and_nonsense(server, big):
    beyond = IDENTITY | {"Range": f"bytes={len(LINES)}-"}
    response, body = raw(server, "get_job_log", beyond, id=big["id"])
    assert (response.status_code, body) == (416, b"")
    assert response.headers["Content-Range"] == f"bytes */{len(LINES)}"
    for nonsense in ("bytes=a-b", "bytes=5-1", "lines=1-2", "bytes=1-2,4-5", "bytes=" + "9" * 400):
        response, _ = raw(server, "get_job_log", IDENTITY | {"Range": nonsense}, id=big["id"])
        assert response.status_code in (200, 416)


def test_a_range_is_of_the_text_even_for_clients_that_take_gzip(server, big):
    headers = {"Accept-Encoding": "gzip", "Range": "bytes=5-9"}
    response, body = raw(server, "get_job_log", headers, id=big["id"])
    assert (response.status_code, body.decode()) == (206, LINES[5:10])


def test_an_unchanged_log_is_not_sent_again(server, big):
    first, _ = raw(server, "get_job_log", IDENTITY, id=big["id"])
    etag = first.headers["ETag"]
    response, body = raw(server, "get_job_log", IDENTITY | {"If-None-Match": etag}, id=big["id"])
    assert (response.status_code, body) == (304, b"")
    other, _ = raw(server, "get_job_log", {"Accept-Encoding": "gzip"}, id=big["id"])
    assert other.headers["ETag"] != etag
    changed = IDENTITY | {"If-None-Match": '"other"'}
    assert raw(server, "get_job_log", changed, id=big["id"])[0].status_code == 200


def test_head_tells_the_size_and_sends_nothing(server, big):
    response = server.client.head(
        "/api/app/get_job_log/v1", params={"id": big["id"]}, headers=IDENTITY
    )
    assert (response.status_code, response.content) == (200, b"")
    assert response.headers["Content-Length"] == str(len(LINES))


def test_a_download_of_a_big_log_is_whole_in_both_forms(server, big):
    params = {"id": big["id"], "t": server.call("get_job", id=big["id"])["token"]}
    nobody = server.client_with(None)
    _, text = raw(server, "download_job_log", IDENTITY, nobody, **params)
    _, packed = raw(server, "download_job_log", {"Accept-Encoding": "gzip"}, nobody, **params)
    assert text.decode() == LINES
    assert zlib.decompress(packed, 31) == text


def test_a_reader_that_goes_away_does_no_harm(server, big):
    for _ in range(5):
        with httpx.stream(
            *("GET", f"{server.url}/api/app/get_job_log/v1"),
            params={"id": big["id"]},
            headers=dict(server.client.headers) | IDENTITY,
            trust_env=False,
        ) as response:
            next(response.iter_raw(1000))
    assert server.log(big["id"]).decode() == LINES
