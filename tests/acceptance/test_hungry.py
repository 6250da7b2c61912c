"""Jobs that ask too much, all at once: others don't notice, and their records are right."""

import time
from pathlib import Path

import pytest

from tests.acceptance.scripts import python
from tests.server import messages

MIB = 1024 * 1024
CHILDREN = 50
LOG_BYTES = 50 * MIB
MESSAGES = 20_000
LINES = 12
TOO_MUCH = (
    "WARNING: The job has reported more than 4 MB; further data, files and pushes are ignored."
)

FORKS = f"#!/bin/sh\nfor i in $(seq {CHILDREN}); do sleep 3 & done\nwait\n"
LOG = f"#!/bin/sh\nyes 'one more line of a log' | head -c {LOG_BYTES}\n"
PROGRESS = python(f"""
import json
for number in range({MESSAGES}):
    print(json.dumps({{"xy": 1, "progress": number / {MESSAGES}, "status": f"step {{number}}"}}))
print('{{"xy":1,"label":"done"}}')
""")
LARGE = python(f"""
import json
for number in range({LINES}):
    text = str(number) + "x" * 1_000_000
    print(json.dumps({{"xy": 1, "data": {{"number": number, "text": text}}}}), flush=True)
""")
GROWING = python(f"""
import json
for number in range({LINES}):
    print(json.dumps({{"xy": 1, "data": {{str(number): "x" * 1_000_000}}}}), flush=True)
print(json.dumps({{"xy": 1, "progress": 0.9, "code": 7, "description": "as planned"}}))
""")


def memory_of(pids):
    """Proportional set size of each process, bytes."""
    return {pid: _memory(pid) for pid in pids}


def _memory(pid):
    lines = Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines()
    return int(next(line for line in lines if line.startswith("Pss:")).split()[1]) * 1024


@pytest.fixture(scope="module")
def feast(server):
    """All hungry jobs at once: their records, the longest ping meanwhile, the growth of memory."""
    server.run_and_wait("#!/bin/sh\nsleep 1.2\n")
    before = memory_of([*server.workers, server.engine, *server.launchers])
    started = {
        kind: server.run(script)
        for kind, script in (
            *(("forks", FORKS), ("log", LOG), ("progress", PROGRESS)),
            *(("large", LARGE), ("growing", GROWING)),
        )
    }
    longest = 0.0
    while server.call("get_active_jobs", limit=1)["list"]["length"]:
        for _ in range(10):
            began = time.monotonic()
            server.call("ping")
            longest = max(longest, time.monotonic() - began)
            time.sleep(0.02)
    after = memory_of(before)
    grown = max(after[pid] - before[pid] for pid in before)
    return {kind: server.job(job_id) for kind, job_id in started.items()}, longest, grown


def test_the_server_answers_meanwhile(feast):
    _, longest, _ = feast
    # A loaded machine may be slow; a loop that is held up would be slower. The benchmark
    # `hungry` has the figure that counts.
    assert longest < 1


def test_the_programs_stay_small(feast):
    _, _, grown = feast
    assert grown < 64 * MIB


def test_fifty_children_are_one_job(feast):
    jobs, _, _ = feast
    job = jobs["forks"]
    assert job["code"] == 0
    assert max(len(entry["procs"]) for entry in job["timelines"]["second"]) == CHILDREN + 1


def test_a_long_log_is_whole(feast):
    jobs, _, _ = feast
    job = jobs["log"]
    assert (job["code"], job["log_file_size"]) == (0, LOG_BYTES)


def test_the_last_of_many_messages_counts(feast):
    jobs, _, _ = feast
    job = jobs["progress"]
    assert (job["code"], job["label"], job["progress"]) == (0, "done", 1)


def test_large_data_is_replaced_and_the_last_stays(feast):
    jobs, _, _ = feast
    data = jobs["large"]["data"]
    assert data["number"] == LINES - 1
    assert data["text"] == f"{LINES - 1}" + "x" * 1_000_000
    assert TOO_MUCH not in messages(jobs["large"])


def test_data_that_grows_for_ever_is_cut(feast):
    jobs, _, _ = feast
    job = jobs["growing"]
    assert (job["code"], job["description"]) == (7, "as planned")
    assert 4 <= len(job["data"]) < LINES
    assert messages(job).count(TOO_MUCH) == 1
    assert all(value == "x" * 1_000_000 for value in job["data"].values())
