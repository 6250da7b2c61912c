"""Following jobs: one listener per process tells everybody who waits that a job changed.

It is written with `threading` and `select`, which gevent replaces in web workers: the thread
below is then a greenlet.
"""

import logging
import select
import threading
import time
from typing import Any

from flask import Flask, current_app

from models.database import db
from models.job import Job
from services import doorbell
from services.doorbell import Bell

logger = logging.getLogger(__name__)

#: Rings that come faster are answered together, seconds.
_COALESCE_SECONDS = 0.02
#: Everything followed is read again at least this often, in case a ring was lost, seconds.
_SAFETY_SECONDS = 1.0
#: How long the listener waits for somebody new to follow a job, seconds.
_LINGER_SECONDS = 5.0
_CHUNK = 200


class Subscription:
    """One follower of one job: the job's row as it was last seen, and a way to wait for news."""

    def __init__(self, follower: "Follower", job_id: str) -> None:
        self.job_id = job_id
        #: The row, or nothing when there is no such job (any more).
        self.row: Any = None
        #: The listener has delivered a row: it is newer than any that was read before.
        self.is_told = False
        self._follower = follower
        self._news = threading.Event()

    def deliver(self, row: Any) -> None:
        """Take a newer row."""
        self.row = row
        self.is_told = True
        self._news.set()

    def wait(self, seconds: float) -> bool:
        """Wait for news; false when there was none in time."""
        arrived = self._news.wait(seconds)
        self._news.clear()
        return arrived

    def close(self) -> None:
        """Stop following; closing twice is fine, as a stream and its reply both do."""
        self._follower.remove(self)


class Follower:
    """The process's listener: reads followed jobs after a ring, and tells their followers."""

    def __init__(self, app: Flask) -> None:
        self._app = app
        self._lock = threading.Lock()
        self._subscriptions: dict[str, list[Subscription]] = {}
        self._revisions: dict[str, int | None] = {}
        self._listener: threading.Thread | None = None
        self._bell: Bell | None = None
        self._linger_seconds = _LINGER_SECONDS

    def follow(self, job_id: str) -> Subscription:
        """Follow a job; its row is there at once. Close it in the end."""
        subscription = Subscription(self, job_id)
        with self._lock:
            if self._listener is None:
                self._start()
            self._subscriptions.setdefault(job_id, []).append(subscription)
        try:
            # Read after listening began: nothing can happen unnoticed in between.
            row = db.read(lambda connection: Job.load(connection, job_id))
        except BaseException:
            self.remove(subscription)
            raise
        with self._lock:
            if not subscription.is_told:
                subscription.row = row
        return subscription

    def _start(self) -> None:
        """Start the listener; where its bell can't be made, whoever wanted to follow hears it."""
        bell = self._bell = doorbell.listen(self._app)
        self._listener = threading.Thread(target=self._listen, args=(bell,), daemon=True)
        self._listener.start()

    def close(self) -> None:
        """End the listener once nobody follows, without waiting for somebody new."""
        self._linger_seconds = 0.0
        with self._lock:
            listener, bell = self._listener, self._bell
            if bell is not None:
                bell.wake()
        if listener is not None:
            listener.join(_SAFETY_SECONDS)

    def remove(self, subscription: Subscription) -> None:
        """Stop following."""
        with self._lock:
            followers = self._subscriptions.get(subscription.job_id, [])
            if subscription in followers:
                followers.remove(subscription)
            if not followers and subscription.job_id in self._subscriptions:
                del self._subscriptions[subscription.job_id]
                self._revisions.pop(subscription.job_id, None)

    def _listen(self, bell: Bell) -> None:
        """Answer rings until nobody has followed anything for a while."""
        last_used = time.monotonic()
        poll = select.poll()
        poll.register(bell.socket, select.POLLIN)
        with self._app.app_context():
            while time.monotonic() - last_used < self._linger_seconds or not self._try_to_end(bell):
                poll.poll(_SAFETY_SECONDS * 1000)
                if self._subscriptions:
                    last_used = time.monotonic()
                self._refresh(bell)
                time.sleep(_COALESCE_SECONDS)

    def _try_to_end(self, bell: Bell) -> bool:
        with self._lock:
            if self._subscriptions:
                return False
            self._listener = self._bell = None
            bell.close()
            return True

    def _refresh(self, bell: Bell) -> None:
        """Take the rings, read what is followed, and tell those whose job changed."""
        try:
            bell.drain()
            ids = list(self._subscriptions)
            for start in range(0, len(ids), _CHUNK):
                self._refresh_some(ids[start : start + _CHUNK])
        except Exception:
            logger.exception("following jobs failed")

    def _refresh_some(self, ids: list[str]) -> None:
        """Deliver the rows of the jobs whose revision is not the one that was seen last."""
        revisions = db.read(lambda connection: Job.revisions(connection, ids))
        changed = [
            job_id for job_id in ids if self._revisions.get(job_id, 0) != revisions.get(job_id)
        ]
        rows = db.read(lambda connection: Job.load_many(connection, changed)) if changed else {}
        with self._lock:
            for job_id in changed:
                row = rows.get(job_id)
                if job_id in self._subscriptions:
                    self._revisions[job_id] = None if row is None else row.revision
                for subscription in self._subscriptions.get(job_id, ()):
                    subscription.deliver(row)


def follow(job_id: str) -> Subscription:
    """Follow a job with this process's listener."""
    extensions = current_app.extensions
    if "switchyard_follower" not in extensions:
        app = current_app._get_current_object()  # type: ignore[attr-defined]  # noqa: SLF001
        extensions["switchyard_follower"] = Follower(app)
    follower: Follower = extensions["switchyard_follower"]
    return follower.follow(job_id)
