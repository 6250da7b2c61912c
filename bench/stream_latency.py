"""How fast what a running job reports reaches 100 clients of its event stream."""

import json
import selectors
import time

from bench.client import Connection, UnexpectedReplyError, head
from bench.figures import Bare, Figure, percentile, report
from bench.server import KEY, BareServer, Switchyard

CLIENTS = 100
REPORTS = 75
#: The engine writes what a job reports at most ten times a second.
_PAUSE_SECONDS = 0.2
_DEADLINE_SECONDS = 60.0
#: The job reports the time within a cycle of this length as its progress, a number below 1.
_CYCLE_SECONDS = 1000
_SCRIPT = f"""#!/usr/bin/env python3
import time
time.sleep(5)
for _ in range({REPORTS}):
    time.sleep({_PAUSE_SECONDS})
    progress = time.time() % {_CYCLE_SECONDS} / {_CYCLE_SECONDS}
    print(f'{{{{"xy":1,"progress":{{progress:.9f}}}}}}', flush=True)
"""


def measure() -> list[Figure]:
    """Milliseconds from a report to its reception, over all clients and reports."""
    with Switchyard() as server:
        event = server.create_event(_SCRIPT)
        with server.connect() as connection:
            job_id = connection.call("run_event/v1", id=event)["id"]
        delays = _listen(server.port, f"/api/app/stream_job/v1?id={job_id}")
    with BareServer() as bare_server:
        bare = _listen(bare_server.port, f"/stream?count={REPORTS}&pause={_PAUSE_SECONDS}")
    return [
        Figure(
            f"report to {CLIENTS} stream clients, p99",
            percentile(delays, 99),
            "ms",
            Bare("bare stream", percentile(bare, 99)),
            at_most=100,
        ),
        Figure("report to stream clients, p50", percentile(delays, 50), "ms"),
        Figure("reports received", len(delays) / CLIENTS / REPORTS * 100, "%", at_least=95),
    ]


def _listen(port: int, path: str) -> list[float]:
    """Connect all clients, and read until every stream has ended; returns all delays."""
    delays: list[float] = []
    with selectors.DefaultSelector() as selector:
        for _ in range(CLIENTS):
            client = _Client(port, path)
            selector.register(client.connection.socket, selectors.EVENT_READ, client)
        deadline = time.monotonic() + _DEADLINE_SECONDS
        while selector.get_map():
            if time.monotonic() > deadline:
                raise UnexpectedReplyError("the streams do not end")
            for ready, _ in selector.select(1):
                client = ready.data
                if not client.read(delays):
                    selector.unregister(ready.fileobj)
                    client.connection.close()
    return delays


class _Client:
    """One client of a stream."""

    def __init__(self, port: int, path: str) -> None:
        self.connection = Connection(port)
        # By version 1.0 the body comes as it is, until the connection closes.
        self.connection.socket.sendall(head(path, KEY, version="1.0"))
        self._rest = b""
        self._last = 0.0

    def read(self, delays: list[float]) -> bool:
        """Note the delays of what has come; returns whether more may come."""
        data = self.connection.socket.recv(65536)
        now = time.time()
        *events, self._rest = (self._rest + data).split(b"\n\n")
        for event in events:
            _, _, text = event.rpartition(b"data: ")
            progress = json.loads(text).get("progress", 0) if text.startswith(b"{") else 0
            # Other news of the job repeat its progress; at its end that is 1.
            if 0 < progress < 1 and progress != self._last:
                self._last = progress
                delays.append((now - progress * _CYCLE_SECONDS) % _CYCLE_SECONDS * 1000)
        return bool(data)


if __name__ == "__main__":
    report(measure)
