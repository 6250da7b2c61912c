"""docs/api.md tells every endpoint, truly, and its examples work as pasted."""

import json
import re

import pytest

from app import create_app
from blueprints.wire import endpoints
from tests.docs import pages

PAGE = pages.read("docs/api.md")

#: The sentences of a section that tell what the endpoint replies.
REPLIES = re.compile(r"[Rr]eplies with .*?[.;](?=\s)", re.DOTALL)


@pytest.fixture(scope="module")
def rules(tmp_path_factory):
    app = create_app({"INSTANCE_PATH": tmp_path_factory.mktemp("instance")})
    return {rule.rule for rule in app.url_map.iter_rules()}


def test_every_url_of_the_application_is_documented(rules):
    stems = {re.sub(r"/?<.*", "", rule) for rule in rules}

    assert [stem for stem in sorted(stems) if stem.rpartition("/")[2] not in PAGE] == []


def test_every_endpoint_has_a_section_with_an_example_that_calls_it(rules):
    assert endpoints
    for name, endpoint in endpoints.items():
        examples = "".join(pages.blocks(pages.section(PAGE, f"### {name}"), "bash"))
        assert f"{endpoint.path}/v1" in examples, name


def test_sources_and_privileges_are_those_of_the_endpoints(rules):
    told = dict(
        re.findall(r"^\| `([\w/]+)` \| ((?:merged|body|run) \| .*) \|$", PAGE, re.MULTILINE)
    )
    true = {
        name: f"{endpoint.source} | {privilege_text(endpoint)}"
        for name, endpoint in endpoints.items()
    }

    assert told == true


def privilege_text(endpoint):
    """What the page's tables say of who may call an endpoint."""
    if endpoint.privilege is not None:
        return f"`{endpoint.privilege}`"
    if endpoint.name in ("view_job_log", "download_job_log"):
        return "none, but the job's token"
    if endpoint.name in ("user/logout", "user/resume_session"):
        return "none, but a session"
    # A stream takes a token or a key: its view decides.
    return "none" if endpoint.is_open and endpoint.name != "stream_job" else "any key"


def test_the_examples_work_as_pasted(server, workshop):
    steps = pages.blocks(PAGE, "bash")
    # Some replies end without a newline.
    done = pages.paste("\n".join(f"{step}\necho\n" for step in steps), workshop, server)

    assert done.stderr == ""
    replies = [json.loads(line) for line in done.stdout.splitlines() if is_reply(line)]
    assert len(replies) > 25
    assert [reply for reply in replies if reply["code"] != 0] == []
    assert "Hello, wait" in done.stdout
    assert "plain_key" not in done.stdout
    for name in ("openapi.json", "docs.html"):
        assert (workshop / name).stat().st_size > 10_000


def is_reply(line):
    return line.startswith('{"code":')


def test_the_members_of_replies_are_those_of_the_documentation(rules):
    for name, endpoint in endpoints.items():
        if endpoint.media_type != "application/json":
            continue
        text = pages.section(PAGE, f"### {name}")
        told = set(re.findall(r"(?:with|as|and) `(\w+)", " ".join(re.findall(REPLIES, text))))
        fields = endpoint.returns().fields
        members = {field.data_key or name for name, field in fields.items()}
        understood = {"code", "description", "rows", "list", name.removeprefix("get_")}

        assert told <= members, name
        assert {one for one in members - understood if f"`{one}" not in text} == set(), name
