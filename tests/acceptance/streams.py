"""A client of event streams."""

import json


class Stream:
    """A client of stream_job that keeps all that it has heard."""

    def __init__(self, server, job_id, last_id=None, client=None, **params):
        headers = {"Last-Event-ID": last_id} if last_id else {}
        self.events = []
        self.comments = 0
        self.retry = None
        self._client = client or server.client
        with self._client.stream(
            *("GET", "/api/app/stream_job/v1"),
            params={"id": job_id, **params},
            headers=headers,
        ) as response:
            self.status = response.status_code
            self.headers = response.headers
            self._read(response)

    def _read(self, response):
        event = {}
        for line in response.iter_lines():
            name, _, value = line.partition(": ")
            if not line and event:
                self.events.append((event["event"], json.loads(event["data"]), event["id"]))
                self.heard(self.events[-1])
                event = {}
            elif name == "retry":
                self.retry = int(value)
            elif not name:
                self.comments += 1
            elif line:
                event[name] = value

    def heard(self, event):
        """Called with each event, before the next is read."""

    def names(self):
        return [name for name, _, _ in self.events]

    def updates(self):
        return [data for name, data, _ in self.events if name == "update"]

    def text(self):
        return "".join(data["text"] for name, data, _ in self.events if name == "output")
