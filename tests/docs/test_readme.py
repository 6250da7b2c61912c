"""The README's walk-through works as pasted."""

import json
import subprocess

from tests.docs import pages


def test_the_walk_through_works_as_pasted(server, workshop):
    steps = pages.blocks(pages.read("README.md"), "bash")
    show = 'echo "== $JOB $OTHER"'
    done = pages.paste("\n".join([*steps, show]), workshop, server)

    assert done.stderr == ""
    job_id, other_id = done.stdout.rpartition("== ")[2].split()
    streams = events(done.stdout)
    job, other = server.job(job_id), server.job(other_id)

    assert job["code"] == 0
    assert [file["filename"] for file in job["files"]] == ["lib.tar.gz"]
    assert any(0 < update.get("progress", 0) < 1 for update in streams[job_id])
    assert streams[job_id][-1]["files"] == job["files"]
    assert other["code"] == "abort"
    assert streams[other_id][-1]["description"] == "Manually aborted by API Key: walk-through"

    log = workshop / f"xyOps-Job-Log-{job_id}.txt"
    assert log.read_text().startswith("Packing 201 files and folders of ")
    assert "%" not in log.read_text()
    listing = subprocess.run(
        ["tar", "-tzf", "packed.tar.gz"], cwd=workshop, capture_output=True, text=True, check=True
    )
    assert "lib/module42.py" in listing.stdout.splitlines()


def test_the_archive_of_the_walk_through_is_whole(server, workshop):
    script = workshop / "pack.sh"
    pages.paste(pages.blocks(pages.read("README.md"), "bash")[1], workshop, server)

    job = server.run_and_wait(script.read_text(), params={"folder": "/no/such/folder"})

    assert job["code"] == 1
    assert "No such file or directory" in job["description"]


def events(text):
    """The updates of each stream in what curl printed, by the job's id."""
    streams = {}
    updates = []
    for block in text.split("\n\n"):
        lines = dict(line.split(": ", 1) for line in block.splitlines() if ": " in line)
        if lines.get("event") == "update":
            updates.append(json.loads(lines["data"]))
        elif lines.get("event") == "end":
            streams[updates[-1]["id"]] = updates
            updates = []
    return streams
