"""What a process gets: its command, its environment, its stdin."""

import json
import os
import pwd

import pytest

from core.tokens import worker_token_is_valid
from engine import environment
from tests.factories import job_document

SETTINGS = {"BASE_URL": "http://localhost:5522"}
AROUND = environment.Surroundings("/work", "/elsewhere", {"n": 1, "list": [2]})


def variables(job_input=None, **changes):
    job = job_document("j1", server="s1", **changes)
    return environment.variables(job, job_input, AROUND, SETTINGS)


def test_fixed_variables():
    found, left_out = variables()
    user = pwd.getpwuid(os.getuid())
    assert (found["JOB_ID"], found["JOB_BASE_URL"]) == ("j1", "http://localhost:5522")
    assert (found["USER"], found["HOME"], found["SHELL"]) == (
        *(user.pw_name, user.pw_dir, user.pw_shell),
    )
    assert (found["JOB_DIR"], found["JOB_LOG"]) == ("/work", "/work/job-j1.log")
    assert (found["server_data_n"], found["server_data_list"]) == ("1", "[2]")
    assert left_out == []


@pytest.mark.parametrize(
    "name",
    [
        *("SWITCHYARD_ADMIN_KEY", "SWITCHYARD_SECRET_KEY", "XYOPS_X", "XYSAT_X", "SATELLITE_X"),
        *("GUNICORN_FD", "FLASK_APP", "MAKEFLAGS", "MAKELEVEL"),
    ],
)
def test_our_own_variables_are_not_inherited(monkeypatch, name):
    monkeypatch.setenv(name, "secret")
    assert name not in variables()[0]


def test_others_are(monkeypatch):
    monkeypatch.setenv("LANG", "de_DE.UTF-8")
    assert variables()[0]["LANG"] == "de_DE.UTF-8"


def test_later_sources_win():
    found, _ = variables(
        {"data": {"x": 1}},
        env={"A": "env", "JOB_ID": "env", "B": "env"},
        params={"B": "param", "data_x": "param"},
    )
    assert (found["A"], found["JOB_ID"], found["B"], found["data_x"]) == ("env", "j1", "param", "1")


@pytest.mark.parametrize(
    ("value", "text"),
    [
        ("x", "x"),
        (True, "true"),
        (False, "false"),
        (None, "null"),
        (1.5, "1.5"),
        ([1, "a"], '[1,"a"]'),
        ({"a": {"b": 1}}, '{"a":{"b":1}}'),
        ("$HOME", "$HOME"),
    ],
)
def test_values_are_text_or_json(value, text):
    assert variables(params={"p": value})[0]["p"] == text


def test_names_are_reduced_to_word_characters():
    found, _ = variables(
        params={"a-b c": 1, "Ünï": 2},
    )
    assert found["a_b_c"] == "1"
    assert not [name for name in found if not name.isascii() or "=" in name]


def test_values_that_no_environment_can_hold_are_left_out():
    params = {"big": "x" * 200_000, "null": "a\0b", "fine": "y" * 90_000}
    found, left_out = variables(params=params)
    assert left_out == ["big", "null"]
    assert found["fine"] == params["fine"]
    assert "big" not in found
    assert "null" not in found


def test_too_much_together_is_cut_biggest_first():
    params = {f"p{number}": "x" * 80_000 for number in range(30)} | {"small": "kept"}
    found, left_out = variables(params=params)
    assert found["small"] == "kept"
    assert found["JOB_ID"] == "j1"
    assert left_out
    assert sum(len(name) + len(value) for name, value in found.items()) < 1_100_000


def test_the_search_path_has_each_folder_once(monkeypatch):
    monkeypatch.setenv("PATH", "/usr/bin:/opt/x::/usr/bin")
    folders = variables()[0]["PATH"].split(":")
    assert len(folders) == len(set(folders))
    assert "" not in folders
    assert folders.index("/opt/x") < folders.index("/usr/local/sbin")


@pytest.mark.parametrize("uid", ["nosuchuser", "a\0b", "9" * 30, "9" * 5000])
def test_an_unknown_user_still_has_a_path(uid):
    assert "/bin" in variables(uid=uid)[0]["PATH"]


def test_the_variables_of_a_user_are_his_own():
    nobody, found = pwd.getpwnam("nobody"), variables(uid="nobody", now=1)[0]
    assert found == variables(uid=str(nobody.pw_uid), now=1)[0]
    assert (found["USER"], found["USERNAME"]) == ("nobody", "nobody")
    assert (found["HOME"], found["SHELL"]) == (nobody.pw_dir, nobody.pw_shell)
    assert found["PATH"].startswith(f"{nobody.pw_dir}/.local/bin:")


def test_stdin_is_one_line_with_the_job_as_an_event():
    job = job_document("j1", server="s1", type="adhoc", label="ä\n")
    line = environment.stdin(job, {"data": {"a": 1}}, AROUND, SETTINGS)
    assert line.count("\n") == 1
    assert line.endswith("\n")
    sent = json.loads(line)
    assert (sent["xy"], sent["type"], sent["id"], sent["label"]) == (1, "event", "j1", "ä\n")
    assert sent["input"] == {"data": {"a": 1}}
    assert (sent["activity"], sent["secrets"]) == (None, {})
    assert (sent["cwd"], sent["job_dir"], sent["temp_dir"]) == ("/elsewhere", "/work", "/")
    assert sent["log_file"] == "/work/job-j1.log"
    assert sent["serverData"] == {"n": 1, "list": [2]}
    assert {"versions", "base_url"} <= sent.keys()


def test_without_input_there_is_no_input():
    assert "input" not in json.loads(environment.stdin(job_document("j1"), None, AROUND, SETTINGS))


def test_only_runner_plugins_get_the_token_with_which_files_are_sent():
    settings = SETTINGS | {"SECRET_KEY": b"secret"}
    line = environment.stdin(job_document("j1", runner=True), None, AROUND, settings)
    assert worker_token_is_valid(json.loads(line)["auth_token"], "j1", b"secret")
    assert "auth_token" not in json.loads(
        environment.stdin(job_document("j1"), None, AROUND, settings)
    )


def command(line, params=None, script=None, **env):
    job = job_document("j1", params=params or {}, command=line)
    return environment.command(job, {"command": "other", "script": script}, env)


def test_the_shell_plugin_runs_its_script_itself():
    made = command("[shell-plugin]", {"script": "#!/bin/sh\r\necho\r\n", "annotate": True})
    expected = {"argv": None, "script": "#!/bin/sh\necho\n", "shell": True, "annotate": True}
    assert made == expected


def test_bundled_plugins_are_programs_beside_us():
    for line, name in (("[http-plugin]", "http_request.py"), ("[test-plugin]", "test_job.py")):
        argv = command(line)["argv"]
        assert argv[-1].endswith(f"/plugins/{name}")
        assert os.access(argv[-1], os.R_OK)


def test_command_lines_are_cut_like_a_shell_would_without_running_one():
    made = command("/bin/echo 'two words' \"$WHO\" ${WHO}s | cat; $(x) $NOSUCH", WHO="me")
    assert made["argv"] == [
        *("/bin/echo", "two words", "me", "mes", "|", "cat;", "$(x)", "$NOSUCH"),
    ]
    assert made["shell"] is False


def test_an_open_quote_is_no_error():
    assert command("echo 'open")["argv"] == ["echo", "'open"]


def test_a_plugins_own_script_is_passed_on_with_a_line_end():
    assert command("/bin/sh", script="echo")["script"] == "echo\n"
