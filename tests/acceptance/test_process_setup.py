"""How processes are set up: as whom, where and with what they run, and what an abort leaves."""

import os
import pwd

import pytest

from tests.acceptance.scripts import python, saying
from tests.processes import is_alive, kill, until
from tests.server import messages

pytestmark = pytest.mark.databases("sqlite")

as_root = pytest.mark.skipif(os.geteuid() != 0, reason="only root may run jobs as other users")

#: Tells what it was given, and leaves files where it runs.
LOOK_AROUND = """pwd
echo "$COLOUR $COUNT"
echo from the job > report.txt
echo to its log > "$JOB_LOG"
ls "$JOB_DIR"
echo '{"xy":1,"complete":true,"files":["report.txt"]}'
"""


@pytest.fixture
def open_to_all(server):
    """Let other users pass through the folders above the instance, as an operator would."""
    for path in (server.instance, *server.instance.parents):
        path.chmod(path.stat().st_mode | 0o011)


def run(server, script, *, params=None, **changes):
    """Run a script plugin to its end; the job."""
    plugin = server.plugin(script=script, **changes)
    event = server.event(plugin=plugin, params=params or {})
    return server.run_and_wait(id=event)


def test_a_plugin_has_its_own_folder_and_variables(server, tmp_path):
    changes = {"cwd": str(tmp_path), "env": {"COLOUR": "blue", "COUNT": 3}}
    plugin = server.plugin(script=LOOK_AROUND, **changes)
    uploaded = server.post("upload_job_input_files", files={"file1": ("in.txt", b"input")}).json()[
        "files"
    ]
    event = server.event(plugin=plugin, params={})
    job = server.run_and_wait(id=event, input={"files": uploaded})
    assert job["code"] == 0
    assert job["output"].split("\n")[:2] == [str(tmp_path), "blue 3"]
    assert {"in.txt", f"job-{job['id']}.log"} == set(job["output"].split("\n")[2:4])
    assert [file["filename"] for file in job["files"]] == ["report.txt", f"job-{job['id']}.log"]
    assert server.client.get(f"/{job['files'][0]['path']}").text == "from the job\n"
    assert (job["cwd"], job["env"]) == (str(tmp_path), {"COLOUR": "blue", "COUNT": "3"})
    assert (tmp_path / "report.txt").exists()


def test_parameters_win_over_the_variables_of_a_plugin(server):
    job = run(server, "echo $COLOUR\n", env={"COLOUR": "blue"}, params={"COLOUR": "red"})
    assert job["output"] == "red\n"


def test_a_folder_that_is_not_there_is_told(server):
    job = run(server, "true\n", cwd="/no/such/folder")
    assert job["code"] == 1
    assert job["description"].startswith("Child spawn error: /bin/sh: Child process failed to")
    assert "WARNING: No such file or directory: /no/such/folder" in messages(job)


def test_a_command_that_is_not_there_is_told(server):
    plugin = server.plugin("/no/such/command --flag")
    job = server.run_and_wait(id=server.event(plugin=plugin, params={}))
    text = "(Check executable location and permissions?)"
    shown = "Child spawn error: /no/such/command --flag: Child process failed to spawn"
    assert (job["code"], job["description"]) == (1, f"{shown} {text}")
    assert "WARNING: No such file or directory: /no/such/command" in messages(job)


@pytest.mark.parametrize(
    ("changes", "text"),
    [
        ({"uid": "nosuchuser"}, "Plugin Error: User does not exist: nosuchuser"),
        ({"gid": "nosuchgroup"}, "Plugin Error: Group does not exist: nosuchgroup"),
    ],
)
def test_unknown_users_and_groups_are_told(server, changes, text):
    for command in ("/bin/sh", "[shell-plugin]", "[test-plugin]"):
        plugin = server.plugin(command, **changes)
        job = server.run_and_wait(id=server.event(plugin=plugin))
        assert (job["code"], job["description"]) == (1, text)
        assert "pid" not in job


@as_root
@pytest.mark.parametrize("by_number", [False, True])
def test_a_plugin_runs_as_another_user(server, open_to_all, by_number):
    nobody = pwd.getpwnam("nobody")
    uploaded = server.post("upload_job_input_files", files={"file1": ("in.txt", b"input")}).json()[
        "files"
    ]
    script = (
        "#!/bin/sh\nid -u; id -g; echo $HOME $USER; cat in.txt; echo; echo more >> in.txt\n"
        'echo out > out.txt; echo \'{"xy":1,"files":[["out.txt","out.txt",true],"in.*"]}\'\n'
    )
    uid = nobody.pw_uid if by_number else "nobody"
    plugin = server.plugin("[shell-plugin]", uid=str(uid), kill="all")
    job = server.run_and_wait(id=server.event(script, plugin=plugin), input={"files": uploaded})
    assert (job["code"], job["description"]) == (0, "")
    ids = f"{nobody.pw_uid}\n{nobody.pw_gid}\n"
    assert job["output"] == f"{ids}{nobody.pw_dir} nobody\ninput\n"
    assert [file["filename"] for file in job["files"]] == ["out.txt", "in.txt"]
    assert server.client.get(f"/{job['files'][1]['path']}").text == "inputmore\n"


@as_root
def test_a_group_by_name(server, open_to_all):
    job = run(server, "id -gn\n", gid="nogroup")
    assert job["output"] == "nogroup\n"


@as_root
def test_a_job_of_another_user_gets_no_files_that_it_could_not_read(server, open_to_all, tmp_path):
    secret = tmp_path / "secret.txt"
    secret.write_text("secret")
    entries = [[str(secret), "mine.txt", True]]
    script = saying({"files": entries, "code": 0})
    plugin = server.plugin("[shell-plugin]", uid="nobody", kill="all")
    job = server.run_and_wait(id=server.event(script, plugin=plugin))
    assert job["code"] == "upload"
    assert job["description"] == "Failed to upload job file: mine.txt: Permission denied"
    assert job["files"] == []
    patterns = saying({"files": [f"{tmp_path}/*", "/etc/pass*"], "code": 0})
    job = server.run_and_wait(id=server.event(patterns, plugin=plugin))
    assert (job["code"], job["files"]) == (0, [])
    assert secret.exists()


def family(server, mode):
    """A job whose process has a child that holds nothing of it; both process ids."""
    script = (
        "setsid sleep 600 </dev/null >/dev/null 2>&1 &\n"
        'echo "{\\"xy\\":1,\\"child\\":$!,\\"parent\\":$$}"\nexec sleep 600\n'
    )
    plugin = server.plugin(script=script, kill=mode)
    job_id = server.run(id=server.event(plugin=plugin, params={}))
    job = server.wait(job_id, lambda job: job.get("child"))
    return job_id, job["parent"], job["child"]


@pytest.mark.parametrize(
    ("mode", "survivors"),
    [("all", []), ("parent", ["child"]), ("", ["child"]), ("none", ["parent", "child"])],
)
def test_an_abort_ends_whom_the_plugin_says(server, mode, survivors):
    job_id, parent, child = family(server, mode)
    try:
        server.call("abort_job", id=job_id)
        job = server.wait(job_id)
        assert job["code"] == "abort"
        expected = {"parent": "parent" in survivors, "child": "child" in survivors}
        until(lambda: {"parent": is_alive(parent), "child": is_alive(child)} == expected)
        told = [text for text in messages(job) if text.startswith("Killing")]
        if mode == "all":
            assert told == [f"Killing all job processes: {parent}, {child}"]
        else:
            assert told == ([] if mode == "none" else [f"Killing job process: {parent}"])
    finally:
        kill(child)
        kill(parent)


def test_what_jobs_say_of_their_server_is_given_to_later_ones(server):
    first = server.run_and_wait(saying({"serverData": {"seen": [1], "colour": "blue"}}))
    assert first["code"] == 0
    kept = server.call("get_server", id=first["server"])["server"]["userData"]
    assert kept == kept | {"seen": [1], "colour": "blue"}
    script = '#!/bin/sh\necho "$server_data_colour $server_data_seen"\n'
    assert server.run_and_wait(script)["output"] == "blue [1]\n"
    script = python("import json; print([json.loads(input())['serverData']])")
    assert server.run_and_wait(script)["output"] == f"[{kept}]\n"


def test_too_much_about_a_server_is_not_kept(server):
    script = """import json
print(json.dumps({"xy": 1, "serverData": {"big": "x" * 300_000}}))"""
    job = server.run_and_wait(python(script))
    assert any(text.startswith("WARNING: serverData was not kept") for text in messages(job))
    assert "big" not in server.call("get_server", id=job["server"])["server"].get("userData", {})
