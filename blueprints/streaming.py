"""What a job's event stream says: updates, new log text, the end; as Server-Sent Events."""

import codecs
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from core import blobs, json
from core.archive import StoredLog
from core.aside import aside_if
from services import job_views, jobs
from services.follow import Subscription
from services.transitions import State

Document = dict[str, Any]

#: The id of the last event: a client that reconnects with it has seen everything.
END_ID = "end"
#: An idle stream gets a comment this often, so that proxies keep it open, seconds.
_KEEPALIVE_SECONDS = 15.0
#: A queued job's place is looked at this often, seconds.
_POSITION_SECONDS = 1.0
_RETRY_MILLISECONDS = 1000
_OUTPUT_BYTES = 64 * 1024
_WHEN_TRUTHY = ("cpu", "mem", "disk", "net", "updated", "position")
_RESULT_KEYS = ("code", "description", "completed", "elapsed")
_SHOWN_KEYS = ("table", "html", "data", "files")


class JobStream:
    """One client's stream of one job: remembers what that client has been told."""

    def __init__(self, subscription: Subscription, instance: Path, output_from: int | None) -> None:
        """`output_from` is the offset from which log bytes are sent; nothing: none are."""
        self._subscription = subscription
        self._instance = instance
        self._offset = output_from
        self._decoder = codecs.getincrementaldecoder("utf-8")("replace")
        self._told: Document = {}

    def events(self) -> Iterator[str]:
        """All events, from `start` to `end`."""
        yield f"retry: {_RETRY_MILLISECONDS}\n{self._event('start', {})}"
        while (row := self._subscription.row) is not None and not row.final:
            yield self._event("update", self._update(row))
            yield from self._output(row)
            yield from self._idle(row)
        if row is not None:
            yield from self._output(row)
        yield self._event("update", self._final_update(row))
        yield f"id: {END_ID}\nevent: end\ndata: {{}}\n\n"

    def _idle(self, row: Any) -> Iterator[str]:
        """Wait for news; comments keep the connection open meanwhile."""
        silent_since = time.monotonic()
        pause = _KEEPALIVE_SECONDS if row.state != State.QUEUED else _POSITION_SECONDS
        while not self._subscription.wait(pause):
            if self._has_moved(row):
                return
            if time.monotonic() - silent_since >= _KEEPALIVE_SECONDS:
                yield ": still there\n\n"
                silent_since = time.monotonic()

    def _has_moved(self, row: Any) -> bool:
        """Whether a queued job has another place now; its own row does not tell."""
        position: int | None = self._told["position"]
        return bool(row.state == State.QUEUED and jobs.position_of(row) != position)

    def _event(self, name: str, data: Document) -> str:
        row = self._subscription.row
        place = "0" if row is None else str(row.revision)
        if self._offset is not None:
            place += f":{self._offset}"
        return f"id: {place}\nevent: {name}\ndata: {json.dumps(data)}\n\n"

    def _update(self, row: Any) -> Document:
        """What changed in a live job since this client's last update."""
        position = self._told["position"] = jobs.position_of(row)
        job = aside_if(len(row.results or ""), job_views.live_document, row, position)
        is_first = "state" not in self._told
        update: Document = {"xy": 1}
        if is_first:
            update |= {"id": row.id, "started": row.started}
        if self._is_news("state", row.state):
            update["state"] = row.state
            if job.get("until"):
                update["until"] = job["until"]
        if job.get("server") and self._is_news("server", job["server"]):
            update["server"] = job["server"]
        update |= {key: job[key] for key in _WHEN_TRUTHY if job.get(key)}
        if job.get("redraw") and self._is_news("redraw", job["redraw"]):
            update |= {key: job[key] for key in ("redraw", "table", "html") if key in job}
        update["progress"] = job.get("progress", 0)
        return update

    def _is_news(self, key: str, value: Any) -> bool:
        known = self._told.get(key)
        self._told[key] = value
        return bool(known != value)

    def _final_update(self, row: Any) -> Document:
        """How the job ended."""
        job_id = self._subscription.job_id
        if row is None:
            text = f"Error: Failed to fetch key: unbase/records/jobs/{job_id}: Not found"
            description = f"Failed to load job data: {text}"
            return {"xy": 1, "error": True, "code": 1, "description": description}
        record = job_views.record_of(row)
        keys = [*_RESULT_KEYS, *_SHOWN_KEYS]
        return {"xy": 1, "id": job_id} | {key: record[key] for key in keys if key in record}

    def _output(self, row: Any) -> Iterator[str]:
        """The log text after what was sent, in blocks; complete once the job is final."""
        if self._offset is None:
            return
        log = self._open(row)
        if log is None:
            return
        try:
            start = min(self._offset + self._held(), log.size)
            for block in log.blocks(start, log.size):
                for at in range(0, len(block), _OUTPUT_BYTES):
                    yield self._output_event(block[at : at + _OUTPUT_BYTES])
        finally:
            log.close()
        if row.final and self._held():
            yield self._output_event(b"", last=True)

    def _held(self) -> int:
        """How many bytes the decoder keeps: the beginning of a character that is not complete."""
        return len(self._decoder.getstate()[0])

    def _output_event(self, chunk: bytes, *, last: bool = False) -> str:
        """New log text; the offset that its id tells is that of the first byte not yet sent."""
        at = self._offset or 0
        end = at + self._held() + len(chunk)
        text = self._decoder.decode(chunk, last)
        self._offset = end - self._held()
        return self._event("output", {"xy": 1, "type": "output", "offset": at, "text": text})

    def _open(self, row: Any) -> StoredLog | None:
        if row.final and row.log_form == "row":
            return blobs.open_bytes(bytes(row.log))
        return blobs.open_log(self._instance, row.id, row.launch)
