"""The scheduler with thousands of events: what they cost while idle, and how late runs start."""

import time
from typing import Any

from bench import processes
from bench.client import Connection
from bench.figures import Figure, percentile, report
from bench.server import Switchyard

EVENTS = 10_000
AT_ONCE = 500
#: Not due while this runs.
_IDLE_LINE = "0 0 1 1 * true"
_LINES_PER_CALL = 1000
_LONGEST_SETTLE_SECONDS = 120.0
#: Far from what scheduling takes, and more than any measurement is off by.
_SETTLED_PERCENT = 10.0
_IDLE_SECONDS = 30.0
#: So few that a reply comes as a whole.
_ROWS = 10
_SCRIPT = "#!/bin/sh\ntrue\n"


def measure() -> list[Figure]:
    """The engine's processor time, and the delays of runs by the second and of many at once."""
    with Switchyard() as server:
        for _ in range(EVENTS // _LINES_PER_CALL):
            lines = "\n".join([_IDLE_LINE] * _LINES_PER_CALL)
            with server.connect() as connection:
                connection.call("import_crontab/v1", crontab=lines)
        _await_idle(server)
        busy = _busy_percent(server, _IDLE_SECONDS)
        delays = _delays_by_the_second(server)
        late = _delays_at_once(server)
    return [
        Figure(f"engine with {EVENTS} events, idle", busy, "% of a core", at_most=1),
        Figure("start after the second, p99", percentile(delays, 99) * 1000, "ms", at_most=250),
        Figure("start after the second, p50", percentile(delays, 50) * 1000, "ms"),
        Figure(f"{AT_ONCE} due at once, the last one starts after", max(late), "s", at_most=5),
    ]


def _await_idle(server: Switchyard) -> None:
    """Wait until the scheduler has found out when each of the new events is due."""
    deadline = time.monotonic() + _LONGEST_SETTLE_SECONDS
    while _busy_percent(server, 1.0) > _SETTLED_PERCENT and time.monotonic() < deadline:
        pass


def _busy_percent(server: Switchyard, seconds: float) -> float:
    before = processes.processor_seconds([server.engine])
    time.sleep(seconds)
    return (processes.processor_seconds([server.engine]) - before) / seconds * 100


def _delays_by_the_second(server: Switchyard) -> list[float]:
    """How long after its second each of a minute's sixty runs became active, seconds."""
    interval = {"enabled": True, "type": "interval", "duration": 1}
    start = int(time.time()) // 60 * 60
    event = server.create_event(_SCRIPT, triggers=[interval | {"start": start}])
    # A changed event runs from the next minute on.
    time.sleep(start + 60 - time.time() + 62)
    # An idle connection would have been closed meanwhile.
    with server.connect() as connection:
        connection.call("update_event/v1", id=event, enabled=False)
        return _delays(_finished(connection, f"event:{event}", 60))


def _delays_at_once(server: Switchyard) -> list[float]:
    """The same for many events that are due in the same minute."""
    # Far enough ahead that all of them are there.
    due = time.localtime(time.time() + 70)
    lines = "\n".join([f"{due.tm_min} {due.tm_hour} * * * true"] * AT_ONCE)
    with server.connect() as connection:
        connection.call("create_category/v1", id="atonce", title="At once", enabled=True)
        connection.call("import_crontab/v1", crontab=lines, category="atonce")
        return _delays(_finished(connection, "category:atonce", AT_ONCE))


def _finished(connection: Connection, query: str, count: int) -> list[dict[str, Any]]:
    """The finished jobs of a search, once there are so many."""
    deadline = time.monotonic() + 180
    while (found := _page(connection, query, 0)["list"]["length"]) < count:
        if time.monotonic() > deadline:
            raise TimeoutError(f"{found} of {count} jobs of {query}")
        time.sleep(0.5)
    pages = (_page(connection, query, offset)["rows"] for offset in range(0, found, _ROWS))
    return [row for page in pages for row in page]


def _page(connection: Connection, query: str, offset: int) -> dict[str, Any]:
    return connection.call("search_jobs/v1", query=query, offset=offset, limit=_ROWS)


def _delays(rows: list[dict[str, Any]]) -> list[float]:
    return [row["started"] - row["now"] for row in rows]


if __name__ == "__main__":
    report(measure)
