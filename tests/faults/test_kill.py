"""SIGKILL to the engine, to all web workers, or to both, at any moment: no job notices.

Each round runs twenty jobs and kills once or twice meanwhile. `FAULTS_SEED` repeats
the moments of an earlier run as far as a machine can.
"""

import json
import os
import random
import threading
import time
from collections import Counter

import httpx
import pytest

from tests import databases
from tests.processes import kill, until
from tests.server import messages

SEED = int(os.environ.get("FAULTS_SEED", "0")) or random.SystemRandom().randrange(1, 10**9)
ROUNDS = {"sqlite": 12, "postgresql": 8}
JOBS = 20
TARGETS = ("engine", "workers", "both")
STEPS = 12
LINES_PER_STEP = 25
#: The supervisor waits longer after each death of an engine; a new supervisor does not.
DEATHS_PER_SUPERVISOR = 4

SCRIPT = f"""#!/bin/bash
echo run >> "$folder/$JOB_ID"
line=0
for step in {{1..{STEPS}}}; do
  for _ in {{1..{LINES_PER_STEP}}}; do
    echo "$JOB_ID line $line $pad"
    line=$((line + 1))
  done
  echo "{{\\"xy\\":1,\\"progress\\":0.$step,\\"data\\":{{\\"steps\\":[$step]}}}}"
  echo "{{\\"xy\\":1,\\"data\\":{{\\"again\\":[$step]}},\\"push\\":{{\\"limits\\":[$limit]}}}}"
  sleep 0.1
done
if [ "$result" = reported ]; then
  echo '{{"xy":1,"code":"warning","description":"as planned"}}'
  exit 1
fi
echo "the file of $JOB_ID" > out.txt
echo '{{"xy":1,"files":["out.txt"]}}'
printf 'no newline'
exit "$result"
"""
LIMIT = {"type": "log", "enabled": False, "amount": 1}


class Round:
    """Twenty jobs, and what is done to the programs meanwhile."""

    def __init__(self, server, number, folder):
        self.server = server
        self.chance = random.Random(SEED * max(ROUNDS.values()) + number)
        self.folder = folder
        # Each kind in turn, and now and then another one right behind it.
        second = self.chance.choice(((), (), ("engine",), ("workers",)))
        self.targets = (TARGETS[number % 3], *second)
        self.event = patiently(lambda: server.event(SCRIPT))
        self.plans = {}

    def run(self):
        killer = threading.Thread(target=self._kill)
        killer.start()
        for number in range(JOBS):
            params = {
                "folder": str(self.folder),
                "pad": "x" * (400 if number % 4 == 0 else 1),
                "limit": json.dumps(LIMIT),
                "result": "reported" if number % 5 == 0 else str(number % 3),
            }
            job_id = patiently(lambda: self.server.run(id=self.event, params=params))  # noqa: B023
            self.plans[job_id] = params
        killer.join()

    def _kill(self):
        for target in self.targets:
            time.sleep(self.chance.uniform(0.0, 2.0 / len(self.targets)))
            pids = []
            if target in ("engine", "both"):
                pids += [self.server.engine] if self.server.engine else []
            if target in ("workers", "both"):
                pids += self.server.workers
            self.chance.shuffle(pids)
            for pid in pids:
                kill(pid)

    @property
    def engine_deaths(self):
        return sum(target != "workers" for target in self.targets)

    def check(self):
        for job_id, params in self.plans.items():
            job = until(lambda: self._final(job_id), 60, f"end of job {job_id}")  # noqa: B023
            check_job(self.server, job, params)
        # A killed worker may have accepted a job without telling: it has run like all others.
        ran = {path.name: path.read_text().count("run\n") for path in self.folder.iterdir()}
        assert set(self.plans) <= set(ran)
        assert set(ran.values()) == {1}
        for job_id in set(ran) - set(self.plans):
            until(lambda: self._final(job_id), 60, f"end of job {job_id}")  # noqa: B023
        rows = patiently(lambda: self.server.call("get_active_jobs", event=self.event))["rows"]
        assert rows == []

    def _final(self, job_id):
        job = patiently(lambda: self.server.job(job_id))
        return job if job.get("final") else None


def check_job(server, job, params):
    """The job has its code, its data, its whole log, and its end once."""
    result = params["result"]
    code = "warning" if result == "reported" else int(result)
    assert job["code"] == code
    steps = list(range(1, STEPS + 1))
    assert job["data"] == {"steps": steps, "again": steps}
    assert job["limits"] == [LIMIT] * STEPS
    lines = [
        f"{job['id']} line {number} {params['pad']}\n" for number in range(STEPS * LINES_PER_STEP)
    ]
    last = "" if result == "reported" else "no newline"
    assert patiently(lambda: server.log(job["id"])).decode() == "".join(lines) + last
    assert job["log_file_size"] == len("".join(lines) + last)
    names = [] if result == "reported" else ["out.txt"]
    assert [file["filename"] for file in job["files"]] == names
    for file in job["files"]:
        response = patiently(lambda: server.client.get(f"/{file['path']}"))  # noqa: B023
        assert response.text == f"the file of {job['id']}\n"
    told = Counter(text.partition(":")[0] for text in messages(job))
    once = {
        *("xyOps job starting", "Source", "Event ID", "Chosen server"),
        *("Spawned child process", "Child exited with code", "Job is finishing"),
        *("Sending launch command to remote server",),
        "Job failed" if code else "Job completed successfully.",
        "Moving job state from {starting} to {active}",
        *(["Uploading file"] if names else []),
        *(["Executing job error action", "Taking snapshot of server"] if code else []),
    }
    assert told == Counter(once)
    assert messages(job)[-1].startswith("Job failed: " if code else "Job completed")


def patiently(call, seconds=30):
    """Call until a web server answers: its workers are being killed."""
    deadline = time.monotonic() + seconds
    while True:
        try:
            return call()
        except httpx.TransportError:
            if time.monotonic() > deadline:
                raise
            time.sleep(0.05)


@pytest.mark.parametrize(
    ("shared", "number"),
    [(kind, number) for kind in databases.KINDS for number in range(ROUNDS[kind])],
    indirect=["shared"],
)
def test_killed_programs_disturb_no_job(server, tmp_path, number):
    print(f"FAULTS_SEED={SEED}, round {number}")
    tmp_path.chmod(0o777)
    current = Round(server, number, tmp_path)
    current.run()
    current.check()
    server.deaths = getattr(server, "deaths", 0) + current.engine_deaths
    if server.deaths >= DEATHS_PER_SUPERVISOR:
        server.stop()
        server.deaths = 0
