"""Three engines that are killed again and again: each due tick fires exactly once.

`TICKS=100000 WORKERS=16` makes it as large as it was once measured.
"""

import os
import random
import signal
import time
from collections import Counter

import pytest

from tests import databases
from tests.processes import kill
from tests.server import Server

TICKS = int(os.environ.get("TICKS", "1000"))
#: No event misses more runs than are made up for.
EVENTS = max(20, TICKS // 1000)
MINUTES = TICKS // EVENTS
WORKERS = os.environ.get("WORKERS", "2")
#: Long enough that no job starts: what counts is that there is one.
DELAY_SECONDS = 1e7
PAUSE_SECONDS = max(0.7, TICKS / 25_000)


@pytest.fixture(params=databases.KINDS)
def server(request, tmp_path):
    with databases.for_server(request.param) as settings:
        server = Server(tmp_path, WORKERS=WORKERS, **settings)
        try:
            yield server.start()
        finally:
            server.clear()


def start_at_once(server, last):
    """Events that have missed so many minutes up to the last one, all enabled by one switch."""
    server.call("update_global_state", **{"scheduler.enabled": False})
    triggers = [
        {"enabled": True, "type": "schedule"},
        {"enabled": True, "type": "catchup"},
        {"enabled": True, "type": "range", "end": last},
        {"enabled": True, "type": "delay", "duration": DELAY_SECONDS},
    ]
    state = {"cursor": last - MINUTES * 60}
    events = [server.event(triggers=triggers, update_state=state) for _ in range(EVENTS)]
    server.call("update_global_state", **{"scheduler.enabled": True})
    return events


def count(server, events):
    summary = server.call("get_active_job_summary")["events"]
    return sum(sum(summary[event]["states"].values()) for event in events if event in summary)


def ticks(server, event):
    """How many jobs an event has for each minute."""
    found, offset = Counter(), 0
    while True:
        reply = server.get("get_active_jobs", event=event, offset=offset, limit=1000).json()
        found.update(int(row["now"]) for row in reply["rows"])
        offset += len(reply["rows"])
        if offset >= reply["list"]["length"]:
            return found


@pytest.mark.timeout(max(120, TICKS / 50))
def test_every_tick_fires_once_while_engines_are_killed(server):
    last = int(time.time()) // 60 * 60 - 60
    others = [server.start_engine() for _ in range(2)]
    try:
        events = start_at_once(server, last)
        deadline, kills = time.monotonic() + max(90, TICKS / 60), 0
        while count(server, events) < TICKS or kills < 3:
            assert time.monotonic() < deadline, f"{count(server, events)} of {TICKS}"
            time.sleep(PAUSE_SECONDS)
            victim = random.choice([server.engine, *(other.pid for other in others)])
            if victim is not None:
                kill(victim, signal.SIGKILL)
                kills += 1
            others = [other if other.poll() is None else server.start_engine() for other in others]
        expected = Counter(range(last - (MINUTES - 1) * 60, last + 1, 60))
        for event in events:
            assert ticks(server, event) == expected
    finally:
        for other in others:
            other.kill()
            other.wait()
