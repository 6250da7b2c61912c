"""The commands of the engine: checked, fenced by epoch, answered."""

from __future__ import annotations

import math
import os

from launcher.connection import Connection, Frame
from launcher.epoch import Epoch
from launcher.generation import PROTOCOL
from launcher.order import KILL_MODES, Order, OrderError
from launcher.runs import Runs

#: For an abort that names no grace.
DEFAULT_GRACE_SECONDS = 5.0


class Commands:
    """Turns frames of clients into actions on the runs."""

    def __init__(self, runs: Runs, epoch: Epoch) -> None:
        self._runs = runs
        self._epoch = epoch
        self._handlers = {
            "hello": self._hello,
            "launch": self._launch,
            "abort": self._abort,
            "forget": self._forget,
        }

    def handle(self, client: Connection, frame: Frame) -> None:
        """Carry out one command; a frame that is none closes its client."""
        operation, epoch = frame.get("op"), frame.get("epoch")
        handler = self._handlers.get(operation) if isinstance(operation, str) else None
        if handler is None or not isinstance(epoch, int) or isinstance(epoch, bool):
            client.close()
        elif self._epoch.admit(epoch):
            handler(client, frame)
        else:
            self._refuse(client, frame)

    def _hello(self, client: Connection, _frame: Frame) -> None:
        client.greeted = True
        client.send(
            {
                "op": "hello",
                "protocol": PROTOCOL,
                "pid": os.getpid(),
                "epoch": self._epoch.highest(),
                "runs": list(self._runs.overview()),
            }
        )

    def _launch(self, client: Connection, frame: Frame) -> None:
        try:
            event = self._runs.launch(Order(frame))
        except OrderError as error:
            self._refuse(client, frame, str(error))
            return
        if event is not None:
            client.send(event)

    def _abort(self, client: Connection, frame: Frame) -> None:
        launch, kill = str(frame.get("launch")), frame.get("kill")
        mode = kill if isinstance(kill, str) and kill in KILL_MODES else None
        if not self._runs.abort(launch, mode, _grace_seconds(frame.get("grace"))):
            client.send(self._runs.event_of(launch) or {"op": "unknown", "launch": launch})

    def _forget(self, client: Connection, frame: Frame) -> None:
        if not self._runs.forget(str(frame.get("launch"))):
            self._refuse(client, frame, "The run has not ended")

    def _refuse(self, client: Connection, frame: Frame, error: str | None = None) -> None:
        """Answer that nothing happened: the epoch is too low, or `error` says why."""
        reply: Frame = {
            "op": "refused",
            "epoch": self._epoch.highest(),
            "re": frame["op"],
            "launch": frame.get("launch"),
        }
        if error is not None:
            reply |= {"job": frame.get("job"), "error": error}
        client.send(reply)


def _grace_seconds(value: object) -> float:
    if isinstance(value, bool) or not isinstance(value, int | float):
        return DEFAULT_GRACE_SECONDS
    return max(0.0, value) if math.isfinite(value) else DEFAULT_GRACE_SECONDS
