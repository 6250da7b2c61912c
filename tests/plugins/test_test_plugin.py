"""The test plugin: every action, the duration, and what else its parameters switch on."""

import json
from typing import Any

import pytest

from tests.plugins.programs import Run, run_program
from tests.plugins.servers import free_port


@pytest.fixture
def run_test_plugin(tmp_path):
    """Run the test plugin with the given parameters."""

    def run(env: dict[str, str] | None = None, **params: Any) -> Run:
        document = {"xy": 1, "id": "j1", "params": {"duration": 1, **params}}
        return run_program("test_job.py", tmp_path, json.dumps(document).encode() + b"\n", env)

    return run


def test_success_has_every_kind_of_output(run_test_plugin):
    run = run_test_plugin(action="Success", custom={"k": [1]})
    assert run.log[0] == "Job start!"
    assert run.outcome == (0, "Success!")
    assert run.result["table"]["title"] == "Sample Job Stats"
    assert run.result["html"]["title"] == "Sample Job Report"
    assert all(isinstance(seconds, float) for seconds in run.result["perf"].values())
    data = run.result["data"]
    assert set(data) == {"text", "hostname", "pid", "random", "obj", "custom"}
    assert data["custom"] == {"k": [1]}


@pytest.mark.parametrize(
    ("action", "outcome"),
    [
        ("Error", (999, "Simulating an error message here.  Something went wrong!")),
        ("Warning", ("warning", "Simulating a warning message here.  Something is concerning!")),
        (
            "Critical",
            ("critical", "Simulating a critical error message here.  Something is VERY wrong!"),
        ),
        ("Abort", ("abort", "Simulating an abort message here.")),
    ],
)
def test_failing_actions(run_test_plugin, action, outcome):
    run = run_test_plugin(action=action)
    assert (run.returncode, run.outcome) == (0, outcome)


def test_crash_is_an_uncaught_exception(run_test_plugin):
    run = run_test_plugin(action="Crash")
    assert run.returncode == 1
    assert "RuntimeError" in run.stderr
    assert run.result == {}


def test_unknown_action_reports_no_completion(run_test_plugin):
    run = run_test_plugin(action="Success, Error, Warning, Critical, Abort, Crash")
    assert (run.returncode, run.result) == (0, {})


@pytest.mark.parametrize("burn", [False, True])
def test_progress_while_the_time_passes(run_test_plugin, burn):
    run = run_test_plugin(action="Success", duration="1.2", burn=burn)
    reported = [message["progress"] for message in run.messages if "progress" in message]
    assert run.elapsed_seconds >= 1.2
    assert 4 <= len(reported) <= 9
    assert reported == sorted(reported)
    assert (reported[0] < 0.1, reported[-1] < 1) == (True, True)


@pytest.mark.parametrize("duration", ["1-2", "2 - 1", "0.1", "", None, 0])
def test_duration_is_a_number_or_a_range(run_test_plugin, duration):
    run = run_test_plugin(action="Success", duration=duration)
    assert run.outcome == (0, "Success!")
    assert 1 <= run.elapsed_seconds < 4


@pytest.mark.parametrize("duration", ["long", "-5", "1-", "1e9", "nan", [1]])
def test_bad_duration(run_test_plugin, duration):
    run = run_test_plugin(duration=duration)
    assert run.outcome == (1, f"Invalid duration: {duration}")


def test_upload_attaches_a_report(run_test_plugin):
    run = run_test_plugin(action="Success", upload=True)
    name = "sample-report-j1.txt"
    assert [m["push"] for m in run.messages if "push" in m] == [{"files": [name]}]
    assert "j1" in (run.directory / name).read_text()
    assert run.messages[-1]["code"] == 0


def test_network_asks_the_server_on_this_host(run_test_plugin, server):
    run = run_test_plugin({"JOB_BASE_URL": server.url}, action="Success", network=True)
    assert [request[1] for request in server.requests] == ["/health"]
    assert run.log[1].startswith(f"Network: {server.url}/health: ")


def test_network_failure_does_not_fail_the_job(run_test_plugin):
    base_url = f"http://127.0.0.1:{free_port()}"
    run = run_test_plugin({"JOB_BASE_URL": base_url}, action="Success", network=True)
    assert run.outcome == (0, "Success!")
    assert "refused" in run.log[1]


def test_network_is_unavailable_elsewhere(run_test_plugin):
    run = run_test_plugin({"JOB_BASE_URL": "http://example.com"}, action="Success", network=True)
    assert run.outcome == (0, "Success!")
    assert run.log[1] == "Network: unavailable, the server is not on this host"
