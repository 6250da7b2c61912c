"""Plays sequences of calls from files against a running server.

A step is one call and what it has to bring:

`GET`, `POST` …         what is called, below /api/app/
`as`                    whose key is sent; null: nobody's. Without it: an administrator's
`json`, `form`, `files`, `body`, `headers`   what is sent along
`until`                 repeat the call until it brings what it has to
`follow`                read the stream under this name, while the next steps run
`ended`                 the stream of this name, now that it has ended
`open`                  let the jobs go on that wait for this gate
`status`, `reply`, `text`, `type`    what has to come back (`expectations.py`)
`activity`              the messages of the job in the reply, all of them, in their order
`events`, `states`, `last`   a stream's events without repeats, the states in it, its last update
`keep`                  names for members of the reply; `<name>` stands for the value from then on
`differs`               the numbers of docs/differences.md because of which this is as it is
"""

import json
import threading
from contextlib import suppress
from itertools import groupby
from pathlib import Path

import httpx

from tests.contract.expectations import differences
from tests.processes import until

FOLDER = Path(__file__).parent

#: How the client calls what a step sends along.
_BODIES = {"json": "json", "form": "data", "files": "files", "body": "content"}


def load(name):
    """A file of this folder."""
    return json.loads((FOLDER / name).read_text())


class Player:
    """Plays steps, and knows the values that placeholders stand for."""

    def __init__(self, server, gates):
        self.values = {"gates": str(gates)}
        self._server = server
        self.client = server.client_with(None)
        self._gates = gates
        self._streams = {}

    def prepare(self, fixtures):
        """Make the keys and events that all sequences use."""
        for name, properties in fixtures["keys"].items():
            reply = self._server.call("create_api_key", **properties)
            self.values[f"key:{name}"] = reply["plain_key"]
            self.values[f"keyid:{name}"] = reply["api_key"]["id"]
            # A new key is always active.
            self._server.call("update_api_key", id=reply["api_key"]["id"], **properties)
        for event, properties in fixtures["events"].items():
            self._server.call("create_event", **self._filled(_event(event, **properties)))

    def play(self, steps):
        """Play one step after the other; fails at the first that brings something else."""
        for step in steps:
            lines = self._until_it_fits(step) if step.get("until") else self.complaints(step)
            assert not lines, "\n".join(lines)

    def _until_it_fits(self, step):
        lines = []

        def fits():
            lines[:] = self.complaints(step)
            return not lines

        try:
            until(fits, 20, "the awaited")
        except AssertionError:
            assert lines
        return lines

    def complaints(self, step):
        """Play one step once; what is wrong with what it brings."""
        if "open" in step:
            (self._gates / step["open"]).touch()
            return []
        if "follow" in step:
            self._streams[step["follow"]] = _Follower(self.client, self.request(step))
            return []
        if "ended" in step:
            response = self._streams.pop(step["ended"]).response()
        else:
            response = self.send(step)
        lines = self._check(step, response)
        if not lines:
            self._keep(step, response)
        return lines

    def send(self, step):
        """The response to a step's call."""
        return self.client.request(**self.request(step))

    def request(self, step):
        """A step's call, as the client takes it."""
        method = next(name for name in step if name.isupper())
        who = step.get("as", "admin")
        headers = {"X-API-Key": self.values[f"key:{who}"]} if who else {}
        wanted = self._filled({key: step[key] for key in _BODIES if key in step})
        sent = {_BODIES[key]: value for key, value in wanted.items()}
        if "files" in sent:
            sent["files"] = {key: tuple(value) for key, value in sent["files"].items()}
        return {
            "method": method,
            "url": f"/api/app/{self._filled(step[method])}",
            "headers": headers | self._filled(step.get("headers", {})),
            **sent,
        }

    def _check(self, step, response):
        lines = differences(step.get("status", 200), response.status_code, "status")
        want = self._filled(step)
        if "type" in want:
            lines += differences(want["type"], response.headers.get("Content-Type", ""), "type")
        if "text" in want:
            lines += differences(want["text"], response.text, "text")
        if "reply" in want:
            lines += differences(want["reply"], response.json())
        if "activity" in want:
            rows = response.json().get("job", {}).get("activity", [])
            lines += differences(want["activity"], [row["msg"] for row in rows], "activity")
        if "events" in want:
            lines += _check_stream(want, response.text)
        step_text = f"step: {json.dumps(step)}"
        return [step_text, *lines, f"replied: {response.text[:500]}"] if lines else []

    def _keep(self, step, response):
        for name, path in step.get("keep", {}).items():
            value = response.json()
            for key in path.split("."):
                value = value[int(key)] if isinstance(value, list) else value[key]
            self.values[name] = value

    def _filled(self, value):
        text = json.dumps(value)
        for name, known in self.values.items():
            text = text.replace(f"<{name}>", json.dumps(known)[1:-1])
        return json.loads(text)


class _Follower:
    """Reads a stream in a thread; made when the stream has begun."""

    def __init__(self, client, request):
        self._response = None
        self._has_begun = threading.Event()
        self._thread = threading.Thread(target=self._read, args=(client, request), daemon=True)
        self._thread.start()
        assert self._has_begun.wait(10), "the stream does not begin"

    def _read(self, client, request):
        parts = []
        # A test that fails ends the client under us; its own complaint is the one to be read.
        with suppress(httpx.HTTPError), client.stream(**request) as response:
            for part in response.iter_raw():
                parts.append(part)
                self._has_begun.set()
            response._content = b"".join(parts)
            self._response = response

    def response(self):
        """The whole stream, once it has ended."""
        self._thread.join(30)
        assert self._response is not None, "the stream does not end"
        return self._response


def _check_stream(want, text):
    events = [
        dict(line.split(": ", 1) for line in block.splitlines() if not line.startswith(":"))
        for block in text.split("\n\n")
        if "event: " in block
    ]
    names = [name for name, _ in groupby(event["event"] for event in events)]
    updates = [json.loads(event["data"]) for event in events if event["event"] == "update"]
    states = [update["state"] for update in updates if "state" in update]
    return [
        *differences(want["events"], names, "events"),
        *(differences(want["states"], states, "states") if "states" in want else []),
        *(differences(want["last"], updates[-1], "last") if "last" in want else []),
    ]


def _event(event, script, **properties):
    return {
        "id": event,
        "title": f"Flow {event}",
        "enabled": True,
        "category": "general",
        "targets": ["main"],
        "algo": "random",
        "plugin": "shellplug",
        "params": {"script": f"#!/bin/sh\n{script}", "annotate": False},
        "triggers": [{"type": "manual", "enabled": True}],
    } | properties
