"""Streaming of logs and files over HTTP: encodings, ranges, validators, memory."""

import gzip
import os
import shutil
import tracemalloc
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from flask import Flask, Response, request
from flask.testing import FlaskClient
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from blueprints.downloads import file_response, log_response
from core import archive, blobs
from core.archive import StoredLog

MIB = 1024 * 1024
TEXT = b"".join(b"%07d a line of the log\n" % number for number in range(100_000))
FORMS = ["bytes", "plain", "archive"]


class Client(FlaskClient):
    """A client that reads replies to their end and closes them, as web servers do."""

    def open(self, *args: Any, buffered: bool = True, **kwargs: Any) -> Any:
        return super().open(*args, buffered=buffered, **kwargs)


class Site:
    """A web application that serves one log and one folder, and remembers what it opened."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.opened: list[StoredLog] = []
        self.pauses = 0
        app = Flask("test")
        app.add_url_rule("/log/<form>", view_func=self.log, methods=["GET", "POST"])
        app.add_url_rule("/file/<name>", view_func=self.file)
        app.test_client_class = Client
        self.client = app.test_client()

    def pause(self) -> None:
        self.pauses += 1

    def log(self, form: str) -> Response:
        self.opened.append(self.open(form))
        return log_response(self.opened[-1], filename="log.txt", pause=self.pause)

    def open(self, form: str) -> StoredLog:
        path = self.folder / "log"
        if form == "bytes":
            return blobs.open_bytes(path.read_bytes())
        if form == "plain":
            return archive.PlainLog(path)
        return archive.ArchivedLog(self.folder / "log.gz", self.folder / "log.idx")

    def file(self, name: str) -> Response:
        path = self.folder / name
        file = archive.PlainLog(path) if name != "none" else None
        return file_response(file, name, download=request.args.get("download"), pause=self.pause)

    def write_log(self, data: bytes) -> None:
        path = self.folder / "log"
        path.write_bytes(data)
        copy = self.folder / "copy"
        copy.write_bytes(data)
        shutil.copystat(path, copy)
        archive.archive(copy, self.folder / "log.gz", self.folder / "log.idx")


@pytest.fixture
def site(tmp_path: Path) -> Site:
    site = Site(tmp_path)
    site.write_log(TEXT)
    return site


def is_closed(log: StoredLog) -> bool:
    file = getattr(log, "_file", None)
    return file is None or file.closed


@pytest.mark.parametrize("form", FORMS)
def test_a_client_without_gzip_gets_the_plain_text(site: Site, form: str) -> None:
    reply = site.client.get(f"/log/{form}")
    assert reply.status_code == 200
    assert reply.data == TEXT
    assert reply.headers["Content-Type"] == "text/plain; charset=utf-8"
    assert reply.headers["Content-Length"] == str(len(TEXT))
    assert reply.headers["Vary"] == "Accept-Encoding"
    assert reply.headers["Accept-Ranges"] == "bytes"
    assert reply.headers["Content-Disposition"] == "attachment; filename=log.txt"
    assert "Content-Encoding" not in reply.headers
    assert site.pauses > len(TEXT) // archive.BLOCK_BYTES
    assert is_closed(site.opened[0])


@pytest.mark.parametrize("form", FORMS)
def test_a_client_with_gzip_gets_gzip(site: Site, form: str) -> None:
    reply = site.client.get(f"/log/{form}", headers={"Accept-Encoding": "gzip"})
    assert reply.headers["Content-Encoding"] == "gzip"
    assert gzip.decompress(reply.data) == TEXT
    assert reply.headers["Vary"] == "Accept-Encoding"
    if form == "archive":
        assert reply.data == (site.folder / "log.gz").read_bytes()
        assert reply.headers["Content-Length"] == str(len(reply.data))
    else:
        assert "Content-Length" not in reply.headers


@pytest.mark.parametrize(
    ("accepted", "encoded"),
    [
        ("gzip", True),
        ("deflate, gzip, br, zstd", True),
        ("GZIP", True),
        ("*", True),
        ("gzip;q=0.5", True),
        ("gzip;q=1.0, identity;q=0.5, *;q=0", True),
        ("gzip;q=0", False),
        ("gzip;q=0, *", False),
        ("identity, gzip;q=0.5", False),
        ("identity", False),
        ("br", False),
        ("", False),
    ],
)
def test_gzip_is_sent_only_to_those_who_accept_it(
    site: Site, accepted: str, *, encoded: bool
) -> None:
    reply = site.client.get("/log/archive", headers={"Accept-Encoding": accepted})
    assert ("Content-Encoding" in reply.headers) is encoded


def test_a_short_log_is_not_compressed(site: Site) -> None:
    site.write_log(b"hello\n")
    for form in ("bytes", "plain"):
        reply = site.client.get(f"/log/{form}", headers={"Accept-Encoding": "gzip"})
        assert (reply.data, reply.headers["Content-Length"]) == (b"hello\n", "6")


@pytest.mark.parametrize("accepted", ["gzip", "identity"])
@pytest.mark.parametrize("form", FORMS)
def test_head_has_the_headers_of_get_and_no_body(site: Site, form: str, accepted: str) -> None:
    headers = {"Accept-Encoding": accepted}
    get = site.client.get(f"/log/{form}", headers=headers)
    head = site.client.head(f"/log/{form}", headers=headers | {"Range": "bytes=0-4"})
    assert head.status_code == 200
    assert head.data == b""
    assert dict(head.headers) == dict(get.headers)
    assert is_closed(site.opened[1])


@pytest.mark.parametrize("accepted", ["gzip", "identity"])
@pytest.mark.parametrize("form", FORMS)
def test_a_client_that_has_the_log_is_told_so(site: Site, form: str, accepted: str) -> None:
    headers = {"Accept-Encoding": accepted}
    etag = site.client.get(f"/log/{form}", headers=headers).headers["ETag"]
    for known in (etag, f"W/{etag}", f'"other", {etag}', "*"):
        for method in ("GET", "HEAD"):
            reply = site.client.open(
                f"/log/{form}", method=method, headers=headers | {"If-None-Match": known}
            )
            assert (reply.status_code, reply.data) == (304, b"")
            assert reply.headers["ETag"] == etag
            assert reply.headers["Vary"] == "Accept-Encoding"
            assert is_closed(site.opened[-1])
    reply = site.client.get(f"/log/{form}", headers=headers | {"If-None-Match": '"other"'})
    assert reply.status_code == 200


def test_each_encoding_has_its_own_etag(site: Site) -> None:
    tags = {
        site.client.get(f"/log/{form}", headers={"Accept-Encoding": accepted}).headers["ETag"]
        for form in ("plain", "archive")
        for accepted in ("gzip", "identity")
    }
    # Compressed on the fly, as stored, and the plain text, which is the same in both forms.
    assert len(tags) == 3


@pytest.mark.parametrize("form", FORMS)
def test_post_gets_the_whole_log_whatever_it_has(site: Site, form: str) -> None:
    etag = site.client.get(f"/log/{form}").headers["ETag"]
    headers = {"If-None-Match": etag, "Range": "bytes=0-3"}
    reply = site.client.post(f"/log/{form}", headers=headers)
    assert (reply.status_code, reply.data) == (200, TEXT)


RANGES = [
    ("bytes=0-0", 0, 1),
    ("bytes=0-99", 0, 100),
    ("bytes=100-", 100, None),
    ("bytes=-100", -100, None),
    ("bytes=-99999999999", 0, None),
    ("bytes=5-99999999999", 5, None),
    ("BYTES=1048570-1048590", 1048570, 1048591),
]


@pytest.mark.parametrize(("header", "start", "stop"), RANGES)
@pytest.mark.parametrize("form", FORMS)
def test_a_range_counts_for_the_plain_text(
    site: Site, form: str, header: str, start: int, stop: int | None
) -> None:
    headers = {"Range": header, "Accept-Encoding": "gzip"}
    reply = site.client.get(f"/log/{form}", headers=headers)
    first, last, _ = slice(start, stop).indices(len(TEXT))
    assert reply.status_code == 206
    assert reply.data == TEXT[start:stop]
    assert reply.headers["Content-Range"] == f"bytes {first}-{last - 1}/{len(TEXT)}"
    assert reply.headers["Content-Length"] == str(last - first)
    assert "Content-Encoding" not in reply.headers
    assert is_closed(site.opened[0])


@pytest.mark.parametrize("header", [f"bytes={len(TEXT)}-", "bytes=-0", "bytes=99999999999-"])
def test_a_range_behind_the_end_is_refused(site: Site, header: str) -> None:
    reply = site.client.get("/log/archive", headers={"Range": header})
    assert (reply.status_code, reply.data) == (416, b"")
    assert reply.headers["Content-Range"] == f"bytes */{len(TEXT)}"
    assert is_closed(site.opened[0])


@pytest.mark.parametrize(
    "header",
    [
        "bytes=",
        "bytes=-",
        "bytes=5-4",
        "bytes=a-b",
        "lines=0-5",
        "bytes=0-1,5-6",
        "bytes=--5",
        "bytes=" + "9" * 5000 + "-",
    ],
)
def test_a_range_that_is_not_understood_is_ignored(site: Site, header: str) -> None:
    reply = site.client.get("/log/plain", headers={"Range": header, "Accept-Encoding": "gzip"})
    assert (reply.status_code, reply.data) == (200, TEXT)


def test_a_range_of_another_version_is_answered_with_the_whole(site: Site) -> None:
    etag = site.client.get("/log/plain").headers["ETag"]
    for condition, status in ((etag, 206), ('"other"', 200), ("Mon, 23 Nov 2020 1:00:00 GMT", 200)):
        headers = {"Range": "bytes=5-8", "If-Range": condition}
        assert site.client.get("/log/archive", headers=headers).status_code == status


def test_an_empty_log_is_an_empty_reply(site: Site) -> None:
    site.write_log(b"")
    for form in FORMS:
        reply = site.client.get(f"/log/{form}")
        assert (reply.status_code, reply.data) == (200, b"")
        assert reply.headers["Content-Length"] == "0"


@settings(
    max_examples=60,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
@given(first=st.integers(0, len(TEXT) + 5), length=st.integers(1, 2 * MIB))
def test_random_ranges_are_alike_in_all_forms(site: Site, first: int, length: int) -> None:
    header = f"bytes={first}-{first + length - 1}"
    for form in FORMS:
        reply = site.client.get(f"/log/{form}", headers={"Range": header})
        assert reply.status_code == (206 if first < len(TEXT) else 416)
        assert reply.data == TEXT[first : first + length]


@pytest.mark.parametrize("form", FORMS)
def test_a_client_that_leaves_early_releases_the_log(site: Site, form: str) -> None:
    reply = site.client.get(f"/log/{form}", buffered=False)
    assert isinstance(reply.response, Iterator)
    assert next(reply.response)
    reply.close()
    assert is_closed(site.opened[0])


@pytest.mark.parametrize("accepted", ["gzip", "identity"])
@pytest.mark.parametrize("form", ["plain", "archive"])
def test_memory_does_not_grow_with_the_log(tmp_path: Path, form: str, accepted: str) -> None:
    site = Site(tmp_path)
    for name in ("log", "copy"):
        (tmp_path / name).touch()
        os.truncate(tmp_path / name, 48 * MIB)
    archive.archive(tmp_path / "copy", tmp_path / "log.gz", tmp_path / "log.idx")
    tracemalloc.start()
    try:
        headers = {"Accept-Encoding": accepted}
        reply = site.client.get(f"/log/{form}", headers=headers, buffered=False)
        for block in reply.response:
            assert 0 < len(block) <= archive.BLOCK_BYTES
        reply.close()
        assert tracemalloc.get_traced_memory()[1] < 2 * MIB
    finally:
        tracemalloc.stop()


# Files


def test_a_file_is_sent_with_its_type_and_validators(site: Site) -> None:
    path = site.folder / "report.json"
    path.write_text("{}")
    os.utime(path, (1_600_000_000, 1_600_000_000.5))
    reply = site.client.get("/file/report.json")
    assert (reply.status_code, reply.data) == (200, b"{}")
    assert reply.headers["Content-Type"] == "application/json"
    assert reply.headers["Content-Length"] == "2"
    assert reply.headers["Last-Modified"] == "Sun, 13 Sep 2020 12:26:40 GMT"
    assert reply.headers["Cache-Control"] == "public, max-age=0"
    assert "Content-Disposition" not in reply.headers
    for known in (
        {"If-None-Match": reply.headers["ETag"]},
        {"If-Modified-Since": reply.headers["Last-Modified"]},
    ):
        assert site.client.get("/file/report.json", headers=known).status_code == 304
    for headers, status in (
        ({"Range": "bytes=1-1"}, 206),
        ({"Range": "bytes=1-1", "If-Range": reply.headers["Last-Modified"]}, 206),
        ({"Range": "bytes=1-1", "If-Range": reply.headers["ETag"]}, 206),
        ({"Range": "bytes=1-1", "If-Range": '"other"'}, 200),
        ({"Range": "bytes=2-"}, 416),
    ):
        assert site.client.get("/file/report.json", headers=headers).status_code == status
    head = site.client.head("/file/report.json")
    assert (head.data, head.headers["Content-Length"]) == (b"", "2")


def test_a_compressed_file_stays_as_it_is(site: Site) -> None:
    data = gzip.compress(b"x" * 5000)
    (site.folder / "pack.tar.gz").write_bytes(data)
    reply = site.client.get("/file/pack.tar.gz", headers={"Accept-Encoding": "gzip"})
    assert reply.data == data
    assert reply.headers["Content-Type"] == "application/gzip"
    assert "Content-Encoding" not in reply.headers


@pytest.mark.parametrize(
    ("name", "content_type"),
    [
        ("a.txt", "text/plain; charset=utf-8"),
        ("a.bin", "application/octet-stream"),
        ("a.unknown", "application/octet-stream"),
        ("a.png", "image/png"),
    ],
)
def test_the_type_follows_the_extension(site: Site, name: str, content_type: str) -> None:
    (site.folder / name).write_text("x")
    assert site.client.get(f"/file/{name}").headers["Content-Type"] == content_type


@pytest.mark.parametrize("name", ["page.html", "image.svg", "page.xhtml", "feed.xml"])
def test_what_could_run_scripts_is_never_shown_inline(site: Site, name: str) -> None:
    (site.folder / name).write_text("<html>")
    reply = site.client.get(f"/file/{name}")
    assert reply.headers["Content-Disposition"] == f'attachment; filename="{name}"'
    assert "sandbox" in reply.headers["Content-Security-Policy"]


@pytest.mark.parametrize(
    ("wanted", "name"),
    [
        ("1", "a.txt"),
        ("My Report.txt", "My Report.txt"),
        ('a"; x="b', "a'_ x_'b"),
        ("a\r\nX-Evil: 1", "a_X-Evil_ 1"),
    ],
)
def test_a_download_is_saved_under_the_wanted_name(site: Site, wanted: str, name: str) -> None:
    (site.folder / "a.txt").write_text("x")
    reply = site.client.get("/file/a.txt", query_string={"download": wanted})
    assert reply.headers["Content-Disposition"] == f'attachment; filename="{name}"'


@pytest.mark.parametrize(
    ("wanted", "plain", "full"),
    [
        ("Bericht für Ännä.txt", "Bericht f_r _nn_.txt", "Bericht%20f%C3%BCr%20%C3%84nn%C3%A4.txt"),
        ("日本.pdf", "_.pdf", "%E6%97%A5%E6%9C%AC.pdf"),
        ("../é\r\n\u202etxt.exe", ".._txt.exe", ".._%C3%A9___txt.exe"),
        ("é" * 500, "_", "%C3%A9" * 200),
    ],
)
def test_names_in_all_scripts_are_kept_for_those_who_understand_them(
    site: Site, wanted: str, plain: str, full: str
) -> None:
    (site.folder / "a.txt").write_text("x")
    reply = site.client.get("/file/a.txt", query_string={"download": wanted})
    expected = f"attachment; filename=\"{plain}\"; filename*=UTF-8''{full}"
    assert reply.headers["Content-Disposition"] == expected


def test_a_client_that_refuses_plain_text_gets_a_short_log_compressed(site: Site) -> None:
    site.write_log(b"hello\n")
    for accepted in ("gzip, identity;q=0", "gzip, *;q=0"):
        reply = site.client.get("/log/bytes", headers={"Accept-Encoding": accepted})
        assert gzip.decompress(reply.data) == b"hello\n"


def test_a_missing_file_is_a_plain_404(site: Site) -> None:
    reply = site.client.get("/file/none")
    assert (reply.status_code, reply.mimetype) == (404, "text/plain")
