"""Delays of jobs that callers end early."""

import time

from tests.server import messages


def test_a_skipped_delay_starts_the_job_at_once(server):
    event = server.event()
    job_id = server.run(id=event, state="start_delay", until=time.time() + 600)
    assert server.job(job_id)["state"] == "start_delay"

    began = time.time()
    server.call("job_skip_delay", id=job_id)
    job = server.wait(job_id)

    assert job["code"] == 0
    assert job["started"] - began < 0.5
    assert "until" not in job
    said = messages(job)
    skipped = said.index("Job delay was manually skipped by user: admin")
    assert said[skipped + 1] == "Moving job state from {start_delay} to {ready}"
