"""SIGKILL to the engine while two hundred jobs have actions under way: none is lost.

The ledger is outside the database: whoever gets a mail, a web hook or a launch writes down for
which job and why it came, and by which name a repeat of it is known.
"""

import itertools
import os
import random
import threading
from collections import defaultdict
from concurrent.futures import ThreadPoolExecutor
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

from tests.faults.test_kill import patiently
from tests.processes import kill, until
from tests.server import Server, messages
from tests.smtp_sink import Behaviour, Sink

SEED = int(os.environ.get("FAULTS_SEED", "0")) or random.SystemRandom().randrange(1, 10**9)
JOBS = 200
KILLS = 5
#: Reports data that no other job has, for buckets.
SCRIPT = '#!/bin/sh\necho "{\\"xy\\":1,\\"data\\":{\\"$JOB_ID\\":1}}"\n'
#: What a launched job and a plugin write down: for which job, why, and its own name.
CHILD = '#!/bin/sh\necho "$who $why $JOB_ID" >> "$ledger"\n'
PLUGIN = 'echo "$JOB_ID plugin-$why $IDEMPOTENCY_KEY" >> "$ledger"\nsleep 0.2\n'
#: What of the ledger may come twice, under the same name.
REPEATABLE = ("mail-", "hook-")


class Hooks(ThreadingHTTPServer):
    """Writes down which web hooks come."""

    daemon_threads = True
    request_queue_size = 100

    def __init__(self, ledger):
        super().__init__(("127.0.0.1", 0), _Hook)
        self.ledger = ledger
        threading.Thread(target=self.serve_forever, args=(0.05,), daemon=True).start()


class _Hook(BaseHTTPRequestHandler):
    def do_POST(self):
        said = self.rfile.read(int(self.headers["Content-Length"])).decode()
        line = f"{said} {self.headers['Idempotency-Key']}\n"
        # One write: lines of several threads must not mix.
        with self.server.ledger.open("ab", 0) as ledger:
            ledger.write(line.encode())
        self.send_response(204)
        self.end_headers()

    def log_message(self, *_):
        """Nobody reads it."""


@pytest.fixture(scope="module")
def ledger(tmp_path_factory):
    path = tmp_path_factory.mktemp("ledger") / "ledger"
    path.touch()
    return path


@pytest.fixture(scope="module")
def server(tmp_path_factory, ledger):
    """A server that knows a mail server, and one for web hooks."""
    with Sink(Behaviour(ledger=ledger)) as mails, Hooks(ledger) as hooks:
        mail = {"SMTP_HOST": "127.0.0.1", "SMTP_PORT": mails.port, "SMTP_TLS": "none"}
        server = Server(tmp_path_factory.mktemp("actions"), **mail)
        try:
            server.start()
            url = f"http://127.0.0.1:{hooks.server_port}/"
            body = "{{ job.id }} hook-{{ condition }}"
            hook = {"title": "Hook", "enabled": True, "method": "POST", "url": url, "body": body}
            server.call("create_web_hook", id="hook", **hook)
            yield server
        finally:
            server.clear()
            hooks.shutdown()


def action(kind, condition, **changes):
    return {"enabled": True, "type": kind, "condition": condition, **changes}


def mail(condition):
    return action("email", condition, users=[], email=f"{condition}@example.com")


def variants(server, ledger):
    """Lists of actions which have all kinds among them, and what the ledger will tell of each."""
    names = [{"id": name, "title": name, "type": "text"} for name in ("ledger", "why")]
    params = {"script": CHILD, "ledger": str(ledger), "who": "{{ parent.job }}", "why": ""}
    child = server.event(params=params)
    told = {"script": CHILD, "ledger": str(ledger), "who": "{{ parent.job }}", "why": "channel"}
    people = {"users": [], "email": "channel@example.com", "run_event": server.event(params=told)}
    server.call("create_channel", id="team", title="x", enabled=True, web_hook="hook", **people)
    server.call("create_bucket", id="shared", title="Shared", data={"greeting": "hello"})
    plugin = server.plugin(type="action", script=PLUGIN, params=names)
    bucket = {"bucket_id": "shared", "bucket_sync": "data"}

    def run(condition):
        return action("run_event", condition, event_id=child, params={"why": condition})

    def plug(condition):
        params = {"ledger": str(ledger), "why": condition}
        return action("plugin", condition, plugin_id=plugin, params=params)

    hooks = [action("web_hook", condition, web_hook="hook") for condition in ("start", "complete")]
    quick = [
        action("tag", "start", tags=["important"]),
        action("label", "success", label="{{ id }}"),
        action("snapshot", "complete"),
    ]
    stores = [action("fetch", "start", **bucket), action("store", "success", **bucket)]
    return [
        (
            [mail("start"), mail("success"), *hooks],
            "mail-start mail-success hook-start hook-complete",
        ),
        ([run("start"), run("complete"), *quick], "start complete"),
        ([action("channel", "success", channel_id="team")], "mail-channel hook-success channel"),
        ([plug("start"), plug("success"), *stores], "plugin-start plugin-success"),
        ([hooks[0], mail("complete"), action("disable", "success")], "hook-start mail-complete"),
        ([hooks[1], run("start"), action("delete", "success")], "hook-complete start"),
    ]


def run_all(server, events, ledger, chance):
    """Accept all jobs, and kill an engine five times while it is at work; the jobs' events."""
    runs = [*itertools.islice(itertools.cycle(events[:4]), JOBS), *events[4:]]

    def accept(event):
        return patiently(lambda: server.run(id=event)), event

    with ThreadPoolExecutor(4) as pool:
        accepted = []
        for number in range(KILLS):
            batch = runs[number::KILLS]
            wanted = len(lines_of(ledger)) + chance.randrange(1, 20)
            accepted += [pool.submit(accept, event) for event in batch]
            until(lambda: len(lines_of(ledger)) >= wanted, 30, "work of the engine")  # noqa: B023
            kill_engine(server)
    return dict(future.result() for future in accepted)


def kill_engine(server):
    """Kill it, and wait for another one."""
    engine = until(lambda: server.engine, 30, "an engine")
    kill(engine)
    until(lambda: server.engine not in (None, engine), 30, "another engine")


def lines_of(ledger):
    """What the ledger tells, repeats left out."""
    return set(ledger.read_text().splitlines())


def ledger_of(ledger):
    """The names under which it came, once for each time, by job and reason."""
    found = defaultdict(list)
    for line in ledger.read_text().splitlines():
        job, reason, name = line.split()
        found[job, reason].append(name)
    return found


def finished(server, ids):
    """These jobs, once all of them have ended."""

    def are_over():
        return all(job.get("final") for job in server.call("get_jobs", ids=ids)["jobs"])

    until(are_over, 120, "the end of all jobs")
    return {job["id"]: job for job in server.call("get_jobs", ids=ids, verbose=1)["jobs"]}


def check(job, actions):
    """The job ended well, and each of its actions says so, once."""
    assert job["code"] == 0
    own = [item for item in job["actions"] if "source" not in item]
    assert [item.get("code") for item in own] == [0] * len(actions), own
    assert not any("active" in item for item in own)
    texts = messages(job)
    assert sum(text.startswith("Executing job") for text in texts) == len(actions)
    assert texts[-1] == "Job completed successfully."


@pytest.mark.timeout(240)
def test_no_action_is_lost_when_engines_are_killed(server, ledger):
    print(f"FAULTS_SEED={SEED}")
    given = variants(server, ledger)
    events = [server.event(SCRIPT, actions=actions) for actions, _ in given]
    by_event = dict(zip(events, given, strict=True))

    events_of = run_all(server, events, ledger, random.Random(SEED))
    jobs = finished(server, list(events_of))

    for job_id, event in events_of.items():
        check(jobs[job_id], by_event[event][0])
    expected = {
        (job_id, reason)
        for job_id, event in events_of.items()
        for reason in by_event[event][1].split()
    }
    # What was launched may still be on its way to the ledger.
    until(lambda: expected <= ledger_of(ledger).keys(), 30, "the last launched jobs")
    found = ledger_of(ledger)
    assert found.keys() == expected
    for (job_id, reason), names in found.items():
        assert len(set(names)) == 1, (job_id, reason, names)
        assert len(names) == 1 or reason.startswith(REPEATABLE), (job_id, reason, names)
    print(f"{sum(map(len, found.values())) - len(found)} repeats")
    check_effects(server, events, jobs, found)


def check_effects(server, events, jobs, found):
    """What actions did to jobs, events and the bucket; children are those that jobs name."""
    for job in jobs.values():
        children = {entry["id"] for entry in job.get("jobs", [])}
        launched = [found.get((job["id"], why), []) for why in ("start", "complete", "channel")]
        assert children == set(itertools.chain(*launched))
    for job in (job for job in jobs.values() if job["event"] == events[1]):
        assert (job["label"], job["tags"][0]) == (job["id"], "important")
    stored = {job["id"] for job in jobs.values() if job["event"] == events[3]}
    assert stored <= server.call("get_bucket", id="shared")["data"].keys()
    assert all(jobs[job]["input"]["data"]["greeting"] == "hello" for job in stored)
    assert server.call("get_event", id=events[4])["event"]["enabled"] is False
    assert server.post("get_event", {"id": events[5]}).status_code == 404
