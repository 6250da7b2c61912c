"""Events that run by themselves, on a real server."""

import time

from tests.acceptance.scripts import python
from tests.processes import until
from tests.server import messages


def test_an_event_catches_up_and_tells_where_its_jobs_come_from(server):
    minute = int(time.time()) // 60 * 60
    event = server.event(
        "#!/bin/sh\ntrue\n",
        triggers=[
            {"enabled": True, "type": "schedule"},
            {"enabled": True, "type": "catchup"},
        ],
        update_state={"cursor": minute - 180},
    )
    rows = []

    def found():
        reply = server.get("search_jobs", query=f"event:{event}", limit=100).json()
        rows[:] = reply["rows"]
        return len(rows) >= 3

    until(found, 30, "three runs that were missed")
    # The minute may have turned meanwhile.
    assert sorted(row["now"] for row in rows)[:3] == [minute - 120, minute - 60, minute]
    job = server.job(rows[0]["id"])
    assert job["source"] == "scheduler"
    assert "Source: Scheduler" in messages(job)
    server.post("update_event", {"id": event, "enabled": False})


def test_an_interval_starts_its_jobs_on_time(server):
    """It was begun long ago, so that every second has a run."""
    start = int(time.time()) // 60 * 60 - 3600
    event = server.event(
        "#!/bin/sh\ntrue\n",
        triggers=[
            {"enabled": True, "type": "interval", "start": start, "duration": 5},
            {"enabled": True, "type": "catchup"},
        ],
        update_state={"cursor": start + 3540},
    )
    rows = []

    def found():
        rows[:] = server.get("search_jobs", query=f"event:{event}", limit=100).json()["rows"]
        return rows

    until(found, 30, "a run of the interval")
    for row in rows:
        assert (row["now"] - start) % 5 == 0
        assert row["stype"] == "interval"
    server.post("update_event", {"id": event, "enabled": False})


def test_a_trigger_plugin_decides(server):
    """It lets every second run happen, and gives each of them data."""
    script = python(
        "import json, sys\n"
        "items = json.load(sys.stdin)['items']\n"
        "answer = [{'launch': n % 2, 'data': {'n': n}} for n in range(len(items))]\n"
        "print('some text')\n"
        "print(json.dumps({'xy': 1, 'items': answer}))"
    )
    plugin = server.plugin("/usr/bin/python3", type="scheduler", script=script)
    minute = int(time.time()) // 60 * 60
    event = server.event(
        "#!/bin/sh\necho $data_n\n",
        triggers=[
            {"enabled": True, "type": "schedule"},
            {"enabled": True, "type": "catchup"},
            {"enabled": True, "type": "plugin", "plugin_id": plugin, "params": {}},
        ],
        update_state={"cursor": minute - 240},
    )

    def found():
        rows = server.get("search_jobs", query=f"event:{event}", limit=100).json()["rows"]
        return rows if len(rows) >= 2 else None

    rows = sorted(until(found, 30, "the runs that the plugin allows"), key=lambda row: row["now"])
    assert [row["now"] for row in rows][:2] == [minute - 120, minute]
    job = server.job(rows[0]["id"])
    assert (job["source"], job["splugin"], job["output"]) == ("plugin", plugin, "1\n")
    server.post("update_event", {"id": event, "enabled": False})
