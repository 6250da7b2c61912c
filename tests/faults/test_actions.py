"""SIGKILL to the engine while two hundred jobs have actions under way: none is lost.

The ledger is outside the database: children write down who launched them, and when.
"""

import os
import random
import time
from collections import Counter, defaultdict
from concurrent.futures import ThreadPoolExecutor

import pytest

from tests.faults.test_kill import patiently
from tests.processes import kill, until
from tests.server import messages

SEED = int(os.environ.get("FAULTS_SEED", "0")) or random.SystemRandom().randrange(1, 10**9)
JOBS = 200
KILLS = 5
CONDITIONS = ("start", "complete")
#: Says in the ledger which job launched it, by which of its actions.
CHILD = '#!/bin/sh\necho "$who $when $JOB_ID" >> "$ledger"\n'


def action(kind, condition, **changes):
    return {"enabled": True, "type": kind, "condition": condition, **changes}


def events(server, ledger):
    """The event with all kinds of actions, and two whose jobs turn against their own event."""
    params = {"script": CHILD, "ledger": str(ledger), "who": "{{ parent.job }}", "when": ""}
    child = server.event(params=params)
    launches = [
        action("run_event", condition, event_id=child, params={"when": condition})
        for condition in CONDITIONS
    ]
    quick = [
        action("tag", "start", tags=["important"]),
        action("label", "success", label="{{ id }}"),
        action("snapshot", "complete"),
    ]
    both = [*launches, *quick]
    ends = [
        server.event(actions=[*both, action(kind, "success")]) for kind in ("disable", "delete")
    ]
    return child, server.event(actions=both), ends


def run_all(server, event):
    """Accept all jobs as fast as a few callers can; returns their ids."""

    def accept(_number):
        return patiently(lambda: server.run(id=event))

    with ThreadPoolExecutor(4) as pool:
        return list(pool.map(accept, range(JOBS)))


def kill_engines(server, chance, ledger):
    """Kill the engine again and again; returns how much the ledger knew each time."""
    known, dead = [], None
    for _ in range(KILLS):
        pid = until(lambda: server.engine not in (None, dead) and server.engine, 30, "an engine")  # noqa: B023
        time.sleep(chance.uniform(0.3, 2.0))
        known.append(len(ledger.read_text().splitlines()))
        kill(pid)
        dead = pid
    return known


def check(server, job_id, ledger):
    """All actions have an outcome, and launched what the ledger knows, once."""
    job = until(lambda: final(server, job_id), 240, f"end of job {job_id}")
    assert job["code"] == 0
    assert "important" in job["tags"]
    assert job["label"] == job_id
    due = [item for item in job["actions"] if item["condition"] in (*CONDITIONS, "success")]
    assert [item["code"] for item in due] == [0] * len(due)
    assert not any("active" in item for item in due)
    for condition in CONDITIONS:
        (launch,) = [
            item for item in due if (item["condition"], item["type"]) == (condition, "run_event")
        ]
        child = launch["loc"].removeprefix("#Job?id=")
        lines = until(lambda: ledger_of(ledger)[job_id, condition], 30, "line of the ledger")  # noqa: B023
        assert lines == [child]
        assert {"id": child, "reason": "action"} in job["jobs"]
    told = Counter(text for text in messages(job) if text.startswith("Executing"))
    assert sum(told.values()) == len(due)
    assert messages(job)[-1] == "Job completed successfully."


def final(server, job_id):
    job = patiently(lambda: server.job(job_id))
    return job if job.get("final") else None


def ledger_of(path):
    """The children of each action that the ledger knows, by parent and condition."""
    found = defaultdict(list)
    for line in path.read_text().splitlines():
        parent, condition, child = line.split()
        found[parent, condition].append(child)
    return found


# Hundreds of jobs on a busy machine take their time.
@pytest.mark.timeout(400)
def test_no_action_is_lost_when_engines_are_killed(server, tmp_path):
    print(f"FAULTS_SEED={SEED}")
    ledger = tmp_path / "ledger"
    ledger.touch()
    tmp_path.chmod(0o777)
    child, event, ends = events(server, ledger)
    with ThreadPoolExecutor(1) as pool:
        killing = pool.submit(kill_engines, server, random.Random(SEED), ledger)
        ids = run_all(server, event)
        ids += [patiently(lambda: server.run(id=other)) for other in ends]  # noqa: B023
        known = killing.result()
    assert known[-1] < len(ids) * len(CONDITIONS), f"the last engine died too late: {known}"
    for job_id in ids:
        check(server, job_id, ledger)
    assert sum(map(len, ledger_of(ledger).values())) == len(ids) * len(CONDITIONS)
    disabled, deleted = ends
    assert server.call("get_event", id=disabled)["event"]["enabled"] is False
    assert server.post("get_event", {"id": deleted}).status_code == 404
    until(lambda: not server.call("get_active_jobs", event=child)["rows"], 30, "the children's end")
