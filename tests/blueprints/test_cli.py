"""Commands for operators."""

import re
import stat
import subprocess
import sys
from pathlib import Path

import pytest

from core.config import ROOT, SETTINGS
from services import api_keys
from tests import factories
from tests.blueprints.api import ADMIN_KEY, Caller


@pytest.fixture
def run(app):
    """Runs a `flask` command inside the test's application."""
    runner = app.test_cli_runner()
    return lambda *arguments: runner.invoke(args=list(arguments))


def test_settings_are_all_listed_without_secrets(run):
    result = run("settings")
    assert result.exit_code == 0
    for setting in SETTINGS:
        assert f"SWITCHYARD_{setting.name} = " in result.output
        assert setting.help in result.output
    assert "SWITCHYARD_ADMIN_KEY = ********" in result.output
    assert "SWITCHYARD_MAX_JSON_BYTES = 1000000" in result.output
    assert ADMIN_KEY not in result.output


def test_a_key_is_created_listed_and_disabled(app, run):
    result = run("keys", "create", "Nightly", "--privilege", "run_jobs", "--privilege", "tag_jobs")
    key_id, plain_key = result.output.split()
    caller = Caller(app.test_client(), plain_key)
    assert caller("get_tags").status_code == 200
    assert api_keys.get(key_id)["privileges"] == {"run_jobs": True, "tag_jobs": True}
    assert f"{key_id}\t{plain_key[:4]}********" in run("keys", "list").output
    assert "active\trun_jobs,tag_jobs\tNightly" in run("keys", "list").output
    assert plain_key not in run("keys", "list").output
    assert run("keys", "disable", key_id).exit_code == 0
    assert caller("get_tags").status_code == 403
    assert "disabled\trun_jobs,tag_jobs\tNightly" in run("keys", "list").output


def test_an_unknown_privilege_or_key_is_one_clear_line(run):
    assert run("keys", "create", "x", "--privilege", "fly").exit_code == 2
    result = run("keys", "disable", "knosuch")
    assert result.exit_code == 1
    assert result.output == "Error: Failed to update API Key: Error: Item not found\n"


def test_live_jobs_are_listed_and_aborted(run, live_job):
    assert run("jobs", "list").output == f"{live_job}\tactive\te0\n"
    assert run("jobs", "abort", live_job).exit_code == 0
    assert factories.load(live_job).abort_reason == "Manually aborted by user: admin"
    result = run("jobs", "abort", "jnosuch")
    assert (result.exit_code, result.output) == (
        1,
        "Error: Job not found or is no longer active: jnosuch\n",
    )


def flask_setup(instance: Path, **settings: str) -> subprocess.CompletedProcess[str]:
    env = {"PATH": "/usr/bin:/bin", "SWITCHYARD_INSTANCE_PATH": str(instance), **settings}
    return subprocess.run(
        [sys.executable, "-m", "flask", "--app", "app", "setup"],
        cwd=ROOT,
        env=env,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


def test_setup_writes_the_first_key_to_a_private_file_when_nobody_looks(tmp_path):
    first = flask_setup(tmp_path)
    path = tmp_path / "admin-key"
    assert (first.returncode, first.stderr) == (0, "")
    assert first.stdout == f"The administrator's API key is in {path}\n"
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert re.fullmatch(r"[\w\-]{43}\n", path.read_text())
    path.unlink()
    again = flask_setup(tmp_path)
    assert (again.returncode, again.stdout, again.stderr) == (0, "", "")
    assert not path.exists()


def test_setup_never_shows_a_key_that_was_given(tmp_path):
    result = flask_setup(tmp_path, SWITCHYARD_ADMIN_KEY="given-by-the-operator")
    assert (result.returncode, result.stdout, result.stderr) == (0, "", "")
    assert not (tmp_path / "admin-key").exists()


def test_a_failing_setup_prints_one_clear_line(tmp_path):
    (tmp_path / "switchyard.db").write_bytes(b"this is no database, whatever its name says" * 100)
    result = flask_setup(tmp_path)
    assert result.returncode == 1
    assert result.stdout == ""
    assert result.stderr == "Error: Setup failed: file is not a database\n"
