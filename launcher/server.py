"""The launcher process: its socket, its clients, its beginning and end."""

from __future__ import annotations

import os
import sys

from launcher.commands import Commands
from launcher.connection import Connection, Frame
from launcher.epoch import Epoch
from launcher.generation import Generation
from launcher.loop import Loop, Timer
from launcher.reaper import Reaper, become_subreaper, inherit_nothing
from launcher.runs import Runs

#: Without runs and clients for this long, the launcher ends.
IDLE_SECONDS = 10.0
#: Out of descriptors, new clients wait this long.
ACCEPT_PAUSE_SECONDS = 1.0


class Server:
    """One generation at work: accepts clients, publishes events, ends when it is idle."""

    def __init__(self, instance: str) -> None:
        launchers_dir = f"{instance}/launchers"
        self._loop = Loop()
        self._clients: set[Connection] = set()
        self._idle_timer: Timer | None = None
        self._runs = Runs(self._loop, instance, self._publish, self._check_idle)
        self._reaper = Reaper(self._loop, self._runs.child_exited, self._stop_if_free)
        self._generation = Generation(launchers_dir)
        self._commands = Commands(self._runs, Epoch(launchers_dir))

    def serve(self) -> None:
        """Work until nobody needs this launcher any more."""
        self._watch_socket()
        self._check_idle()
        try:
            self._loop.run()
        finally:
            self._generation.remove()

    def _watch_socket(self) -> None:
        self._loop.watch(self._generation.socket.fileno(), self._accept)

    def _accept(self) -> None:
        try:
            client, _ = self._generation.socket.accept()
        except BlockingIOError:
            return
        except OSError:
            self._loop.unwatch(self._generation.socket.fileno())
            self._loop.call_later(ACCEPT_PAUSE_SECONDS, self._watch_socket)
            return
        self._clients.add(Connection(self._loop, client, self._commands.handle, self._left))
        self._check_idle()

    def _left(self, client: Connection) -> None:
        self._clients.discard(client)
        self._check_idle()

    def _publish(self, event: Frame) -> None:
        """Send an event to every client that said hello."""
        for client in list(self._clients):
            if client.greeted:
                client.send(event)

    def _check_idle(self) -> None:
        """Start or stop the countdown to the end."""
        idle = self._runs.idle and not self._clients
        if idle and self._idle_timer is None:
            self._idle_timer = self._loop.call_later(IDLE_SECONDS, self._idle_for_long)
        elif not idle and self._idle_timer is not None:
            self._idle_timer.cancel()
            self._idle_timer = None

    def _idle_for_long(self) -> None:
        self._idle_timer = None
        if self._runs.idle and not self._clients:
            self._loop.stop()

    def _stop_if_free(self) -> None:
        """A stop signal counts only without runs: jobs outlive whoever sends it."""
        if not self._runs.any_live:
            self._loop.stop()


def main(arguments: list[str]) -> int:
    if len(arguments) != 2 or arguments[0] != "--instance":
        sys.stderr.write("usage: python -I launcher/__main__.py --instance DIR\n")
        return 2
    instance = os.path.abspath(arguments[1])
    # A working directory inside the instance could never be unmounted.
    os.chdir("/")
    inherit_nothing()
    become_subreaper()
    Server(instance).serve()
    return 0
