"""What a job's processes used over time, as get_job tells it while the job runs and afterwards."""

import pytest

from tests.processes import kill, until

pytestmark = pytest.mark.databases("sqlite")

#: Runs for some samples, and moves some bytes.
SCRIPT = """#!/bin/sh
exec 9> file
while [ ! -e "$stop" ]; do
  head -c 100000 /dev/zero >&9
  sleep 0.2
done
"""
BRIEF = {"cpu", "memRss", "command", "disk", "net"}
WHOLE = {
    *("pid", "parentPid", "user", "cpu", "memRss", "age", "state", "priority", "nice", "memVsz"),
    *("tty", "mem", "class", "group", "threads", "time", "command", "started", "disk", "conns"),
    "net",
}
SPOILER = r"""#!/bin/sh
while [ ! -e ../samples.minute ]; do sleep 0.1; done
for file in ../samples.*; do
  printf '{"epoch":1e400,"procs":{}}\n{"epoch":1,"procs":[]}\nrubbish' > "$file"
done
"""


def samples(job):
    return job.get("timelines", {}).get("second", [])


def until_stopped(server, folder):
    """A job that runs until the file is made."""
    stop = folder / "stop"
    return server.run(id=server.event(SCRIPT), params={"stop": str(stop)}), stop


def test_samples_are_there_while_the_job_runs(server, tmp_path):
    job_id, stop = until_stopped(server, tmp_path)
    live = server.wait(job_id, lambda job: len(samples(job)) >= 2 and "procs" in job)
    assert live["conns"] == []
    assert live["procs"][str(live["pid"])].keys() == WHOLE
    (verbose,) = server.call("get_jobs", ids=[job_id], verbose=True)["jobs"]
    assert samples(verbose)[: len(samples(live))] == samples(live)
    (brief,) = server.call("get_jobs", ids=[job_id])["jobs"]
    without = server.call("get_job", id=job_id, remove="timelines")["job"]
    assert "timelines" not in brief.keys() | without.keys()
    stop.touch()
    job = server.wait(job_id)
    assert samples(job)[: len(samples(live))] == samples(live)


def test_a_record_keeps_the_samples(server, tmp_path):
    job_id, stop = until_stopped(server, tmp_path)
    server.wait(job_id, lambda job: len(samples(job)) >= 2)
    stop.touch()
    job = server.wait(job_id)
    pid = str(job["pid"])
    assert all(entry.keys() == {"epoch", "procs"} for entry in samples(job))
    assert all(entry["procs"][pid].keys() == BRIEF for entry in samples(job))
    for entry in job["timelines"]["minute"]:
        assert entry.keys() == {"epoch", "procs", "conns"}
        assert entry["epoch"] % 60 == 0
        assert entry["procs"][pid].keys() == WHOLE
    assert not {"procs", "conns"} & job.keys()
    assert job["disk"]["total"] > 200_000
    assert job["disk"]["count"] == job["net"]["count"] >= 2
    assert job["net"]["total"] == 0
    (brief,) = server.call("get_jobs", ids=[job_id])["jobs"]
    assert "timelines" not in brief
    assert brief["disk"] == job["disk"]


def test_a_job_that_is_over_at_once_was_not_measured(server):
    job = server.run_and_wait("#!/bin/sh\ntrue\n")
    assert not {"timelines", "procs", "conns", "cpu", "mem"} & job.keys()
    assert job["disk"] == job["net"] == {"total": 0, "count": 0}


def test_the_death_of_the_engine_costs_no_sample(server, tmp_path):
    job_id, stop = until_stopped(server, tmp_path)
    server.wait(job_id, lambda job: len(samples(job)) >= 1)
    engine = server.engine
    kill(engine)
    until(lambda: server.engine not in (None, engine), 30, "another engine")
    live = server.wait(job_id, lambda job: len(samples(job)) >= 3)
    stop.touch()
    epochs = [entry["epoch"] for entry in samples(server.wait(job_id))]
    assert epochs == sorted(set(epochs))
    assert [entry["epoch"] for entry in samples(live)] == epochs[: len(samples(live))]
    # One a second, from the first to the last.
    assert len(epochs) > (epochs[-1] - epochs[0]) * 0.7


def test_a_job_that_spoils_its_own_samples_ends_as_usual(server):
    job = server.run_and_wait(SPOILER)
    assert job["code"] == 0
    assert "timelines" not in job
