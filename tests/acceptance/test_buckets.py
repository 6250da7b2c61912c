"""Buckets: what one job leaves is there for the next one."""

from tests.acceptance.scripts import saying


def test_a_job_fetches_what_another_stored(server):
    action = {"enabled": True, "bucket_id": "bshared", "bucket_sync": "data_and_files"}
    server.call("create_bucket", id="bshared", title="Shared", data={"greeting": "hello"})
    script = saying({"data": {"number": 5}, "files": ["out.txt"]}).replace(
        "#!/bin/sh\n", "#!/bin/sh\necho from the first > out.txt\n"
    )
    first = server.event(script, actions=[{**action, "type": "store", "condition": "success"}])
    job = server.run_and_wait(id=first)
    [stored] = [item for item in job["actions"] if item["type"] == "store"]
    assert stored["description"] == "Successfully stored data and files in bucket."

    script = '#!/bin/sh\ncat out.txt\necho "$data_greeting $data_number $data_own"\n'
    second = server.event(script, actions=[{**action, "type": "fetch", "condition": "start"}])
    job = server.run_and_wait(id=second, input={"data": {"own": "mine"}})
    assert job["output"] == "from the first\nhello 5 mine\n"
    assert job["input"]["data"] == {"own": "mine", "greeting": "hello", "number": 5}
    [file] = job["input"]["files"]
    assert (file["filename"], file["bucket"]) == ("out.txt", "bshared")

    reply = server.post("delete_job_file", {"id": job["id"], "path": file["path"]})
    assert "Bucket files cannot be deleted from job: out.txt" in reply.text
    server.call("delete_job", id=job["id"])
    [kept] = server.call("get_bucket", id="bshared")["files"]
    assert kept["path"] == file["path"]
    assert server.client.get(f"/{kept['path']}").text == "from the first\n"
