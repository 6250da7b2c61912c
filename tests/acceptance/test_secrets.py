"""Secrets: given to a job's process, and shown by nothing that the job prints."""

import json

import pytest

from tests.acceptance.scripts import python
from tests.processes import until

pytestmark = pytest.mark.databases("sqlite")

VALUE = 'p"ss w\\rd/é'
#: Prints a secret in every way, and says by its code whether it got it as it should.
SCRIPT = python("""
import json, os, sys
job = json.loads(sys.stdin.readline())
value = os.environ["PASSWORD"]
for part in value:
    print(part, end="", flush=True)
print(" in pieces")
print(value, file=sys.stderr)
message = {"xy": 1, "data": {"value": value, value: 1}, "description": value, "label": value}
print(json.dumps(message), flush=True)
print(json.dumps({"xy": 1, "code": int(job["secrets"] != {"PASSWORD": value, "OTHER": "12"})}))
""")


def anywhere_on_disk(server, value):
    """The files of the instance in which these bytes stand."""
    files = [path for path in server.instance.rglob("*") if path.is_file()]
    return [path for path in files if value in path.read_bytes()]


def test_a_job_gets_its_secrets_and_none_of_them_is_seen(server):
    event = server.event(SCRIPT)
    fields = [{"name": "PASSWORD", "value": VALUE}, {"name": "OTHER", "value": "12"}]
    server.call("create_secret", title="x", fields=fields, events=[event])
    job = server.run_and_wait(id=event)
    assert job["code"] == 0
    assert sorted(job["output"].splitlines()) == ["********", "******** in pieces"]
    assert job["data"] == {"value": "********", "********": 1}
    assert (job["description"], job["label"]) == ("********", "********")
    for form in (VALUE, json.dumps(VALUE)[1:-1]):
        assert anywhere_on_disk(server, form.encode()) == []


def test_a_command_line_with_a_secret_is_not_shown(server):
    plugin = server.plugin("/bin/sleep $SECONDS_TO_SLEEP")
    event = server.event(plugin=plugin, params={})
    fields = [{"name": "SECONDS_TO_SLEEP", "value": "600.1234"}]
    server.call("create_secret", title="x", fields=fields, plugins=[plugin])
    job_id = server.run(id=event)
    procs = until(lambda: server.job(job_id).get("procs"), what="the processes")
    server.call("abort_job", id=job_id)
    assert [entry["command"] for entry in procs.values()] == ["/bin/sleep ********"]
    server.wait(job_id)
