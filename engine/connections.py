"""Connections to all launchers of an instance: greeting them, routing commands, hearing events."""

import logging
import selectors
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from engine import launchers
from engine.launchers import Launcher, LauncherGone
from engine.lease import LeadershipLost

logger = logging.getLogger(__name__)

Frame = dict[str, Any]

_HELLO_SECONDS = 5.0


class LauncherBusy(Exception):
    """A launcher is there but says nothing: its jobs live, so nobody may take it for dead."""


class Connections:
    """The launchers that are there, and which of them has which launch."""

    def __init__(self, instance: Path, selector: selectors.BaseSelector) -> None:
        #: A launcher was lost: greet all of them again, and settle what became of its runs.
        self.is_broken = True
        self._instance = instance
        self._selector = selector
        self._epoch = 0
        self._launchers: dict[str, Launcher] = {}
        self._owners: dict[str, str] = {}
        self._children: list[subprocess.Popen[bytes]] = []

    def connect(self, epoch: int) -> dict[str, Frame]:
        """Greet all launchers, start one where there is none; what they say of their runs."""
        self.disconnect()
        self._epoch = epoch
        deadline = time.monotonic() + _HELLO_SECONDS
        told = self._greet_all()
        if not self._launchers:
            self._children.append(launchers.start(self._instance))
        while not self._launchers:
            if time.monotonic() > deadline:
                raise LauncherGone("no launcher came up")
            time.sleep(0.02)
            told = self._greet_all()
        # Asking for their end also takes note of it: no zombies.
        self._children = [child for child in self._children if child.poll() is None]
        self.is_broken = False
        return told

    def disconnect(self) -> None:
        """Close all connections."""
        for launcher in self._launchers.values():
            self._selector.unregister(launcher)
            launcher.close()
        self._launchers.clear()
        self._owners.clear()

    def _greet_all(self) -> dict[str, Frame]:
        told: dict[str, Frame] = {}
        for name in launchers.generations(self._instance):
            for run in self._greet(name):
                told[run["launch"]] = run
                self._owners[run["launch"]] = name
        return told

    def _greet(self, name: str) -> list[Frame]:
        """Connect to one launcher and learn which runs it has."""
        launcher = launchers.connect(self._instance, name)
        if launcher is None:
            return []
        try:
            launcher.send({"op": "hello", "epoch": self._epoch})
            hello = _await_hello(launcher)
        except LauncherGone:
            # It closed the connection: it is ending.
            launcher.close()
            return []
        except BaseException:
            launcher.close()
            raise
        self._launchers[name] = launcher
        self._selector.register(launcher, selectors.EVENT_READ)
        runs: list[Frame] = hello["runs"]
        return runs

    def knows(self, launch_id: str) -> bool:
        """Whether a launcher was told of a launch."""
        return launch_id in self._owners

    def send_new(self, launch_id: str, frame: Frame) -> None:
        """Send a launch to the newest launcher."""
        if self._launchers:
            self._owners[launch_id] = max(self._launchers)
            self.send(launch_id, frame)

    def send(self, launch_id: str, frame: Frame) -> None:
        """Send a command to the launcher of a run; when it is gone, recovery settles the rest."""
        launcher = self._launchers.get(self._owners.get(launch_id, ""))
        if launcher is None:
            return
        try:
            launcher.send({"launch": launch_id, **frame, "epoch": self._epoch})
        except LauncherGone as error:
            self._lost(launcher, error)
        else:
            self._watch_writes(launcher)

    def forget(self, launch_id: str) -> None:
        """Let the launcher forget a run that has ended."""
        self.send(launch_id, {"op": "forget"})
        self._owners.pop(launch_id, None)

    def receive(self) -> Iterator[Frame]:
        """All events that have come so far."""
        for launcher in list(self._launchers.values()):
            try:
                if launcher.wants_to_send:
                    launcher.flush()
                    self._watch_writes(launcher)
                yield from launcher.receive()
            except LauncherGone as error:
                self._lost(launcher, error)

    def _watch_writes(self, launcher: Launcher) -> None:
        """Have the selector tell when a launcher that was busy can take more."""
        write = selectors.EVENT_WRITE if launcher.wants_to_send else 0
        self._selector.modify(launcher, selectors.EVENT_READ | write)

    def _lost(self, launcher: Launcher, error: LauncherGone) -> None:
        logger.warning("%s", error)
        if self._launchers.pop(launcher.name, None) is not None:
            self._selector.unregister(launcher)
            launcher.close()
        self.is_broken = True


def _await_hello(launcher: Launcher) -> Frame:
    """The launcher's answer to our greeting; events before it belong to nobody."""
    deadline = time.monotonic() + _HELLO_SECONDS
    while time.monotonic() < deadline:
        for frame in launcher.receive():
            if frame["op"] == "hello":
                return frame
            if frame["op"] == "refused":
                raise LeadershipLost
        time.sleep(0.002)
    raise LauncherBusy(f"launcher {launcher.name} does not answer")
