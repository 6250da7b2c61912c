"""The HTTP request plugin: parameters, outcomes, output data, details."""

import json

import pytest

from tests.plugins.programs import run_program
from tests.plugins.servers import free_port


def test_success_logs_and_reports_everything(server, run_http):
    run = run_http(f"{server.url}/echo")
    assert run.outcome == (0, "Success (HTTP 200 OK)")
    assert run.log == [
        "Sending HTTP GET to URL:",
        f"{server.url}/echo",
        "",
        "Success (HTTP 200 OK)",
    ]
    data = run.result["data"]
    assert (data["statusCode"], data["statusMessage"]) == (200, "OK")
    assert data["headers"]["content-type"] == "application/json"
    assert data["json"]["method"] == "GET"
    assert run.result["markdown"]["title"] == "HTTP Request Details"
    assert set(run.result["perf"]) == {"total", "dns", "connect", "send", "wait", "receive"}


@pytest.mark.parametrize("method", ["GET", "HEAD", "POST", "PUT", "DELETE"])
def test_sends_each_method(server, run_http, method):
    run = run_http(f"{server.url}/echo", method=method, data="a=1")
    assert run.outcome == (0, "Success (HTTP 200 OK)")
    command, _, _, body = server.requests[0]
    assert command == method
    assert body == (b"a=1" if method in ("POST", "PUT", "DELETE") else b"")


def test_whole_menu_as_method_means_its_first_item(server, run_http):
    run_http(f"{server.url}/echo", method="GET, HEAD, POST, PUT, DELETE")
    assert server.requests[0][0] == "GET"


def test_refuses_other_methods(server, run_http):
    run = run_http(f"{server.url}/echo", method="TRACE")
    assert run.outcome == (1, "Unsupported HTTP method: TRACE")
    assert server.requests == []


@pytest.mark.parametrize(
    "url",
    [
        "ftp://127.0.0.1/",
        "file:///etc/passwd",
        "http://",
        "http:///path",
        "http://a b/",
        "http://127.0.0.1:port/",
        "http://127.0.0.1:99999/",
        "http://[::1/",
        "http://ho<st/",
        " http://127.0.0.1/",
        "nothing",
    ],
)
def test_malformed_url(run_http, url):
    assert run_http(url).outcome == (1, f"Malformed URL: {url}")


def test_missing_url(run_http):
    assert run_http("").outcome == (1, "Malformed URL: (n/a)")


@pytest.mark.parametrize(
    ("status", "code", "description"),
    [
        (204, 0, "Success (HTTP 204 No Content)"),
        (302, 0, "Success (HTTP 302 Found)"),
        (404, 404, "HTTP 404 Not Found"),
        (500, 500, "HTTP 500 Internal Server Error"),
    ],
)
def test_status_decides_the_code(server, run_http, status, code, description):
    run = run_http(f"{server.url}/status?status={status}")
    assert run.outcome == (code, description)
    assert run.result["data"]["statusCode"] == status


def test_error_body_is_in_the_details(server, run_http):
    run = run_http(f"{server.url}/nothing-here")
    assert run.outcome == (404, "HTTP 404 Not Found")
    assert "no such thing" in run.result["markdown"]["content"]


@pytest.mark.parametrize(
    ("params", "outcome"),
    [
        ({"error_match": "is w.ll"}, (1, "Response contains error match: is w.ll")),
        ({"error_match": "broken"}, (0, "Success (HTTP 200 OK)")),
        ({"success_match": "^all"}, (0, "Success (HTTP 200 OK)")),
        ({"success_match": "fine"}, (1, "Response missing success match: fine")),
    ],
)
def test_body_matches(server, run_http, params, outcome):
    assert run_http(f"{server.url}/text", **params).outcome == outcome


def test_bad_regular_expression_sends_nothing(server, run_http):
    code, description = run_http(f"{server.url}/text", success_match="(").outcome
    assert (code, description[:34]) == (1, "Invalid regular expression: (: mis")
    assert server.requests == []


@pytest.mark.parametrize("value", ["soon", "-1", "nan", "inf"])
def test_bad_timeout(run_http, value):
    assert run_http("http://127.0.0.1/", timeout=value).outcome == (1, f"Invalid timeout: {value}")


def test_connection_refused(run_http):
    run = run_http(f"http://127.0.0.1:{free_port()}/")
    assert run.outcome == (1, "Connection Refused: Failed to connect to host: 127.0.0.1")
    assert "data" not in run.result


def test_unknown_host(run_http):
    run = run_http("http://no-such-host.invalid/")
    assert run.outcome == (1, "DNS: Failed to lookup IP from hostname: no-such-host.invalid")


def test_headers_are_sent_and_credentials_hidden(server, run_http):
    headers = "X-Colour: blue\n\nAuthorization: Bearer abc123\r\nX-API-Key: k9k9\nUser-Agent: me"
    run = run_http(f"{server.url}/text", headers=headers)
    sent = server.requests[0][2]
    assert (sent["x-colour"], sent["user-agent"]) == ("blue", "me")
    assert (sent["authorization"], sent["x-api-key"]) == ("Bearer abc123", "k9k9")
    content = run.result["markdown"]["content"]
    assert "X-Colour: blue" in content
    assert "Authorization: ****" in content
    assert "abc123" not in content
    assert "k9k9" not in content


@pytest.mark.parametrize("line", ["no colon", "bad name: x", ": empty"])
def test_malformed_header(server, run_http, line):
    assert run_http(f"{server.url}/text", headers=line).outcome[0] == 1
    assert server.requests == []


def test_placeholders_in_url_headers_and_data(server, run_http):
    job = {"event": "e77", "input": {"data": {"list": [{"n": 5}], "flag": True}}}
    run_http(
        f"{server.url}/echo/[id]",
        job,
        method="POST",
        headers="X-Event: [event]",
        data='{"n":[input/data/list/0/n],"keep":[1,2],"what":"[no/such]","o":[input/data]}',
    )
    _, path, headers, body = server.requests[0]
    assert (path, headers["x-event"]) == ("/echo/j1", "e77")
    assert headers["content-type"] == "application/json"
    sent = json.loads(body)
    assert sent == {"n": 5, "keep": [1, 2], "what": "[no/such]", "o": job["input"]["data"]}


def test_placeholder_value_can_not_add_a_header(server, run_http):
    run = run_http(f"{server.url}/text", {"event": "a\r\nX-Evil: 1"}, headers="X-E: [event]")
    assert run.outcome == (1, "Malformed header: X-E")
    assert server.requests == []


def test_secrets_are_hidden_from_people(server, run_http):
    job = {"secrets": {"KEY": "s3cr3t-value"}}
    url = f"{server.url}/echo?q=[secrets/KEY]"
    run = run_http(url, job, method="POST", data="k=[secrets/KEY]")
    assert server.requests[0][1] == "/echo?q=s3cr3t-value"
    assert server.requests[0][3] == b"k=s3cr3t-value"
    assert "s3cr3t-value" not in run.result["markdown"]["content"]
    assert not any("s3cr3t-value" in line for line in run.log)


def test_credentials_in_the_url(server, run_http):
    url = server.url.replace("//", "//joe:hush@")
    run = run_http(f"{url}/text")
    assert server.requests[0][2]["authorization"] == "Basic am9lOmh1c2g="
    assert "hush" not in json.dumps([run.messages, run.log])


def test_url_with_other_characters_is_encoded(server, run_http):
    run_http(f'{server.url}/echo/é?q="ü"&r=%20')
    assert server.requests[0][1] == "/echo/%C3%A9?q=%22%C3%BC%22&r=%20"


@pytest.mark.parametrize(
    ("body", "content_type", "expected"),
    [
        (b'{"a":1}', "text/html", {"a": 1}),
        (b"[1,2]", "application/problem+json; charset=utf-8", [1, 2]),
        (b"[1,2]", "text/plain", None),
        (b"{broken", "application/json", None),
        (b'{"n":NaN}', "application/json", None),
        (b"1e999", "application/json", None),
        (b"9" * 5000, "application/json", None),
        (b"[" * 60 + b"]" * 60, "application/json", None),
        (b"[" * 100_000, "application/json", None),
        ('{"a":"é"}'.encode("latin-1"), "application/json; charset=latin-1", {"a": "é"}),
        (b'{"a":1}', "application/json; charset=zlib", {"a": 1}),
    ],
)
def test_json_bodies(server, run_http, body, content_type, expected):
    server.body, server.headers = body, {"Content-Type": content_type}
    run = run_http(f"{server.url}/body")
    assert run.outcome == (0, "Success (HTTP 200 OK)")
    assert run.result["data"].get("json") == expected


def test_details_can_not_be_broken_out_of(server, run_http):
    server.body = b"````\n# title {{secrets}}"
    content = run_http(f"{server.url}/body").result["markdown"]["content"]
    assert "`````\n````\n# title { {secrets}}\n`````" in content


def test_binary_body_is_only_counted(server, run_http):
    server.body = b"\x89PNG\0\xff"
    content = run_http(f"{server.url}/body").result["markdown"]["content"]
    assert "(Binary, 6 bytes)" in content


@pytest.mark.parametrize("stdin", [b"", b"not json\n", b"[1]\n", b"[" * 100_000])
def test_bad_input_is_a_clear_error(tmp_path, stdin):
    run = run_program("http_request.py", tmp_path, stdin)
    assert (run.returncode, run.stderr, run.result["code"]) == (0, "", 1)
    assert run.result["description"].startswith("Invalid job input: ")


def test_parameters_that_are_no_object(tmp_path):
    run = run_program("http_request.py", tmp_path, b'{"id":"j1","params":[]}\n')
    assert run.outcome == (1, "Malformed URL: (n/a)")


@pytest.mark.parametrize(
    ("name", "is_hidden"),
    [
        ("Authorization", True),
        ("Proxy-Authorization", True),
        ("X-Auth-User", True),
        ("Cookie", True),
        ("X-Csrf-Token", True),
        ("Author", False),
        ("X-Author", False),
        ("Accept", False),
    ],
)
def test_headers_named_like_credentials_are_hidden(server, run_http, name, is_hidden):
    content = run_http(f"{server.url}/text", headers=f"{name}: vAlUe").result["markdown"]["content"]
    assert (f"{name}: ****" in content, "vAlUe" in content) == (is_hidden, not is_hidden)
