"""Stopping, restarting and losing programs while jobs run or wait."""

import json
import os
import signal
import time

import httpx
import pytest

from tests.plugins.servers import Handler
from tests.plugins.servers import Server as Receiver
from tests.processes import command_line, having, is_alive, kill, until
from tests.server import messages

LOST = "The job's process was lost: its launcher ended unexpectedly."

STEADY = """#!/bin/bash
for step in $(seq 80); do
  echo "line $step"
  echo "{\\"xy\\":1,\\"data\\":{\\"steps\\":[$step]}}"
  sleep 0.1
done
exit 5
"""


def running(server):
    """A job that goes on for eight seconds."""
    job_id = server.run(STEADY)
    server.wait_for_log(job_id, "line 2\n")
    return job_id


def assert_whole(server, job):
    assert (job["code"], job["data"]) == (5, {"steps": list(range(1, 81))})
    assert server.log(job["id"]).decode() == "".join(f"line {n}\n" for n in range(1, 81))
    for text in (f"Spawned child process: PID {job['pid']}", "Child exited with code: 5"):
        assert messages(job).count(text) == 1


@pytest.mark.parametrize("way", ["sigterm", "ctrl-c"])
def test_a_stop_ends_web_and_engine_and_leaves_jobs_running(server, way):
    job_id = running(server)
    pid = server.job(job_id)["pid"]
    ours = [server.supervisor, server.engine, *server.workers]
    began = time.monotonic()
    if way == "ctrl-c":
        server.stop(signal.SIGINT, group=True)
    else:
        server.stop()
    until(lambda: not any(map(is_alive, ours)), 1, "end of web and engine")
    assert time.monotonic() - began < 10
    assert is_alive(pid)
    assert "Traceback" not in server.output()
    with pytest.raises(httpx.ConnectError):
        server.client.get("/health")
    server.start()
    assert_whole(server, server.wait(job_id))


def test_a_job_that_ends_while_nothing_runs_keeps_its_whole_result(server):
    job_id = server.run(STEADY.replace("seq 80", "seq 30"))
    server.wait_for_log(job_id, "line 2\n")
    pid = server.job(job_id)["pid"]
    server.stop()
    until(lambda: not is_alive(pid), what="end of the job")
    server.start()
    job = server.wait(job_id)
    assert (job["code"], job["data"]) == (5, {"steps": list(range(1, 31))})
    assert server.log(job_id).decode() == "".join(f"line {n}\n" for n in range(1, 31))


def test_a_killed_supervisor_takes_web_and_engine_along_but_no_job(server):
    job_id = running(server)
    ours = [server.supervisor, server.engine, *server.workers]
    kill(ours[0])
    until(lambda: not any(map(is_alive, ours)), 10, "end of web and engine")
    server.process.wait(10)
    server.process = None
    server.start()
    assert_whole(server, server.wait(job_id))


def test_a_killed_launcher_ends_its_jobs_and_a_new_one_goes_on(server):
    marker = f"m{time.time_ns()}"
    script = f"#!/bin/bash\nsetsid bash -c 'exec -a lost-{marker} sleep 1000' &\necho up\nwait\n"
    job_id = server.run(script)
    server.wait_for_log(job_id, "up")
    (launcher,) = server.launchers
    kill(launcher)
    job = server.wait(job_id)
    assert (job["code"], job["description"]) == ("abort", LOST)
    assert server.log(job_id) == b"up\n"
    until(lambda: not having(f"lost-{marker}"), 5, "end of the lost processes")
    assert server.run_and_wait("#!/bin/sh\necho again\n")["output"] == "again\n"
    (successor,) = server.launchers
    assert successor != launcher
    assert "The engine" not in server.output().partition("is ready at")[2]


def test_a_killed_launcher_and_engine_are_no_worse(server):
    job_id = running(server)
    for pid in (*server.launchers, server.engine):
        kill(pid)
    job = server.wait(job_id)
    assert (job["code"], job["description"]) == ("abort", LOST)
    assert server.run_and_wait("#!/bin/sh\ntrue\n")["code"] == 0


def test_a_restart_keeps_queue_delays_and_suspensions(server):
    limits = [
        {"type": "job", "enabled": True, "amount": 1},
        {"type": "queue", "enabled": True, "amount": 10},
    ]
    event = server.event("#!/bin/sh\nsleep $seconds\necho done\n", limits=limits)
    first = server.run(id=event, params={"seconds": "3"})
    queued = [server.run(id=event, params={"seconds": "0"}) for _ in range(4)]
    suspend = {"enabled": True, "condition": "start", "type": "suspend"}
    held = server.run(id=server.event(actions=[suspend]))
    delayed = server.run("#!/bin/sh\ntrue\n", state="start_delay", until=time.time() + 600)
    server.wait(held, lambda job: job.get("suspended"))
    server.wait_for_state(queued[-1], "queued")
    server.stop()
    server.start()
    positions = [server.job(job_id).get("position") for job_id in queued]
    assert positions in ([1, 2, 3, 4], [None] * 4) or positions[0] is None
    started = [server.wait(job_id)["started"] for job_id in (first, *queued)]
    assert started == sorted(started)
    assert {server.job(job_id)["code"] for job_id in queued} == {0}
    assert server.job(held)["suspended"] is True
    assert server.job(delayed)["state"] == "start_delay"
    server.call("resume_job", id=held)
    assert server.wait(held)["code"] == 0
    server.call("abort_job", id=delayed)
    assert server.wait(delayed)["code"] == "abort"


def test_an_event_runs_when_the_server_starts_and_not_when_an_engine_does(server):
    trigger = {"enabled": True, "type": "startup"}
    event = server.event("#!/bin/sh\ntrue\n", triggers=[trigger])

    def runs():
        rows = server.get("search_jobs", query=f"event:{event}", limit=100).json()["rows"]
        return [row["source"] for row in rows]

    assert runs() == []
    server.stop()
    server.start()
    until(lambda: runs() == ["startup"], 30, "the run at the start")
    engine = server.engine
    kill(engine, signal.SIGKILL)
    until(lambda: server.engine not in (None, engine), 30, "another engine")
    server.run_and_wait("#!/bin/sh\ntrue\n")
    assert runs() == ["startup"]
    server.post("update_event", {"id": event, "enabled": False})


def test_parameters_that_look_like_the_engines_own_notes_survive_a_restart(server):
    event = server.event("#!/bin/sh\nsleep 3\necho done\n")
    job_id = server.run(id=event, params={"aborting": True, "pid": 1})
    server.wait(job_id, lambda job: job.get("pid"))
    kill(server.engine)
    job = server.wait(job_id)
    assert (job["code"], job["output"]) == (0, "done\n")
    assert messages(job).count(f"Spawned child process: PID {job['pid']}") == 1


def test_clients_of_a_stream_reconnect_over_a_restart_without_a_gap(server):
    job_id = running(server)
    text, last_id = "", ""
    deadline = time.monotonic() + 40
    for round_number in range(100):
        headers = {"Last-Event-ID": last_id} if last_id else {}
        try:
            with server.client.stream(
                *("GET", "/api/app/stream_job/v1"),
                params={"id": job_id, "output": 1},
                headers=headers,
            ) as response:
                if response.status_code == 204:
                    break
                got, last_id = _read(response, server if round_number == 0 else None, last_id)
                text += got
        except httpx.TransportError:
            time.sleep(0.1)
        assert time.monotonic() < deadline
    assert text.encode() == server.log(job_id)


def _read(response, victim, last_id):
    """Read a stream until it breaks; kill the victim's workers after some text."""
    text, event_id = "", last_id
    try:
        for line in response.iter_lines():
            name, _, value = line.partition(": ")
            if name == "id":
                event_id = value
            elif name == "data" and '"output"' in value:
                text += json.loads(value)["text"]
                if victim is not None and len(text) > 100:
                    for pid in victim.workers:
                        kill(pid)
                    victim = None
    except httpx.TransportError:
        pass
    return text, event_id


def test_a_frozen_web_worker_does_not_stop_the_others(server):
    workers = server.workers
    assert len(workers) == 2
    os.kill(workers[0], signal.SIGSTOP)
    try:
        answers = 0
        for _ in range(6):
            try:
                with httpx.Client(trust_env=False, timeout=2) as client:
                    answers += client.get(f"{server.url}/health").status_code == 200
            except httpx.TransportError:
                continue
        assert answers >= 1
    finally:
        os.kill(workers[0], signal.SIGCONT)
    assert command_line(workers[0])


def test_a_job_that_is_aborted_before_the_engine_sees_it_never_runs(server, tmp_path):
    witness = tmp_path / "ran"
    engine = server.engine
    os.kill(engine, signal.SIGSTOP)
    try:
        job_id = server.run(f"#!/bin/sh\ntouch {witness}\n")
        server.call("abort_job", id=job_id)
    finally:
        os.kill(engine, signal.SIGCONT)
    job = server.wait(job_id)
    assert job["code"] == "abort"
    after = server.run_and_wait("#!/bin/sh\ntrue\n")
    assert after["code"] == 0
    assert not witness.exists()
    assert "Spawned child process" not in str(messages(job))


def test_a_frozen_launcher_is_waited_for_and_its_jobs_live(server):
    job_id = server.run("#!/bin/sh\necho here\nsleep 8\nexit 4\n")
    server.wait_for_log(job_id, "here")
    (launcher,) = server.launchers
    os.kill(launcher, signal.SIGSTOP)
    try:
        os.kill(server.engine, signal.SIGKILL)
        # Longer than the next engine waits for an answer.
        time.sleep(6)
    finally:
        os.kill(launcher, signal.SIGCONT)
    assert server.wait(job_id)["code"] == 4


def test_a_job_that_fires_a_hook_asks_again_when_the_web_server_has_gone(server, monkeypatch):
    def answer_later(handler):
        is_first = len(handler.server.requests) == 1
        return handler.answer_silent() if is_first else handler.answer_text()

    monkeypatch.setattr(Handler, "answer_later", answer_later, raising=False)
    with Receiver() as receiver:
        url = f"{receiver.url}/later"
        hook = server.call("create_web_hook", title="Hook", url=url)["web_hook"]["id"]
        event = server.event(plugin="hookplug", params={"web_hook": hook})
        job_id = server.run(id=event)
        until(lambda: receiver.requests, what="request of the hook")
        for worker in server.workers:
            kill(worker)
        until(lambda: len(receiver.requests) > 1, what="repetition of the request")
        job = server.wait(job_id)
    assert (job["code"], job["description"]) == (0, "Success (HTTP 200 OK)")
    keys = [request[2]["idempotency-key"] for request in receiver.requests]
    assert keys == [f"{job_id}.hook"] * 2
