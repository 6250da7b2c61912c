"""Output files: what plugins name, what is stored, what goes wrong."""

from pathlib import Path

import pytest

from tests.acceptance.scripts import saying
from tests.server import messages

pytestmark = pytest.mark.databases("sqlite")


def files_of(server, entries, **options):
    script = "echo one > one.txt; echo two > two.log; mkdir sub; echo three > 'sub/Th ree.TXT'"
    return server.run_and_wait(f"#!/bin/sh\n{script}\n" + saying({"files": entries}), **options)


def names_of(job):
    return [file["filename"] for file in job["files"]]


def test_an_output_file_is_stored_and_can_be_fetched(server):
    job = files_of(server, ["one.txt"])
    (file,) = job["files"]
    assert (file["filename"], file["size"], file["job"]) == ("one.txt", 4, job["id"])
    assert file["server"] == job["server"]
    assert file["path"].startswith(f"files/jobs/{job['id']}/")
    assert file["path"].endswith("/one.txt")
    assert server.client_with(None).get(f"/{file['path']}").content == b"one\n"
    assert job["tags"] == ["_success", "_last", "_files"]
    assert messages(job)[-4:] == [
        "Child exited with code: 0",
        "Job is finishing",
        "Uploading file: one.txt",
        "Job completed successfully.",
    ]


@pytest.mark.parametrize(
    ("entries", "names"),
    [
        (["*.txt"], ["one.txt"]),
        (["*.txt", "*.log"], ["one.txt", "two.log"]),
        (["nothing*"], []),
        (["sub/*"], ["Th ree.TXT"]),
        ([["one.txt", "renamed.csv"]], ["renamed.csv"]),
        ([["one.txt"]], ["one.txt"]),
        ([{"path": "two.log", "filename": "a/b<c>.log"}], ["a_b_c_.log"]),
        ("one.txt", ["one.txt"]),
        ([], []),
    ],
)
def test_entries_are_patterns_or_literal_with_a_name(server, entries, names):
    job = files_of(server, entries)
    assert (names_of(job), job["code"]) == (names, 0)


def test_delete_removes_the_source_even_outside_the_folder(server, tmp_path):
    source = tmp_path / "outside.txt"
    source.write_text("x")
    tmp_path.chmod(0o777)
    job = files_of(server, [[str(source), "in.txt", True]])
    assert names_of(job) == ["in.txt"]
    assert not source.exists()


@pytest.mark.parametrize(
    ("entry", "reason"),
    [
        ({"path": "gone.txt", "filename": "gone.txt"}, "gone.txt: No such file or directory"),
        ({"path": "sub", "filename": "folder"}, "folder: "),
        ({"filename": "nopath.txt"}, ""),
        (7, ""),
        ({"path": "fifo", "filename": "pipe"}, "pipe: "),
        ({"path": "x" * 5000, "filename": "long"}, "long: "),
    ],
)
def test_a_bad_entry_ends_the_job_with_the_upload_error(server, entry, reason):
    script = saying({"files": ["one.txt", entry]}, then="mkfifo fifo; mkdir sub; touch one.txt")
    job = server.run_and_wait(script)
    assert job["code"] == "upload"
    assert job["description"].startswith(f"Failed to upload job file: {reason}")
    assert job["files"] == []


def test_files_of_a_later_message_replace_and_pushed_ones_append(server):
    then = "touch a b c"
    said = ({"files": ["a"]}, {"files": ["b"]}, {"push": {"files": ["c"]}})
    job = server.run_and_wait(saying(*said, then=then))
    assert names_of(job) == ["b", "c"]


def test_a_job_that_removes_its_own_folder_still_ends(server):
    job_id = server.run(saying({"files": ["x.txt"]}, then='rm -rf "$PWD"'))
    assert server.wait(job_id)["final"]


def test_the_files_of_a_deleted_job_are_gone(server):
    job = files_of(server, ["one.txt"])
    server.call("delete_job", id=job["id"])
    assert server.client.get(f"/{job['files'][0]['path']}").status_code == 404


def test_a_file_sent_while_the_job_runs_is_attached_with_the_others(server):
    script = "#!/bin/sh\necho one > one.txt\nwhile [ ! -e sent ]; do sleep 0.05; done\n"
    event = server.event(script + saying({"files": ["one.txt"]}))
    job_id = server.run(id=event)
    job = server.wait(job_id, lambda job: job.get("pid"))
    _, runner = server.key("run_jobs")
    key = runner.headers["X-API-Key"]
    reply = (
        server.client_with(None)
        .post(
            "/api/app/upload_job_file",
            data={"id": job_id, "auth": key, "server": "elsewhere"},
            files={"file1": ("Sent File.txt", b"sent\n")},
        )
        .json()
    )
    assert (reply["code"], reply["size"]) == (0, 5)
    (Path(job["cwd"]) / "sent").touch()
    job = server.wait(job_id)
    assert names_of(job) == ["one.txt", "Sent File.txt"]
    assert job["files"][1]["path"] == reply["key"]
    assert server.client_with(None).get(f"/{reply['key']}").content == b"sent\n"
    server.call("delete_job", id=job_id)
    assert server.client_with(None).get(f"/{reply['key']}").status_code == 404
