"""Which network connections the processes of jobs hold, and how much goes through them."""

from __future__ import annotations

import contextlib
import itertools
import os
import time
from collections.abc import Iterable

from launcher.inet_diag import Socket, sockets_of
from launcher.process import Process

#: Descriptors that are looked at, of one process and of all together: a job may hold very many.
MAX_DESCRIPTORS = 256
MAX_DESCRIPTORS_IN_ALL = 4096
#: Connections that are listed of one run.
MAX_CONNECTIONS = 100
#: After a look that took a second there is none for so many: it must not cost the jobs' output.
_PAUSE = 50.0
_LINK_START = "socket:["


class Use:
    """What one process has of the network: connections, and what moved since the look before."""

    __slots__ = ("bytes_per_second", "connections", "moved_bytes")

    def __init__(self) -> None:
        self.connections = 0
        self.moved_bytes = 0
        self.bytes_per_second = 0


_NOTHING = Use()


class Traffic:
    """The connections of all runs, as the last look found them."""

    def __init__(self) -> None:
        #: Whether the last call of `look()` found something new.
        self.is_fresh = False
        self._next_look = 0.0
        self._looked_at: float | None = None
        #: Per socket: whose it is; what it had moved at the last look; when it was first seen.
        self._owners: dict[int, int] = {}
        self._sockets: dict[int, Socket] = {}
        self._before: dict[int, int] = {}
        self._since: dict[int, float] = {}
        self._uses: dict[int, Use] = {}

    def look(self, members: Iterable[Process]) -> None:
        """Look at the connections of these processes, unless the last look was too dear."""
        now = time.monotonic()
        self.is_fresh = now >= self._next_look
        if not self.is_fresh:
            return
        self._owners = _sockets_by_owner(members)
        self._before = {inode: one.moved_bytes for inode, one in self._sockets.items()}
        try:
            self._sockets = sockets_of(set(self._owners)) if self._owners else {}
        except OSError:
            # A host may forbid the question: then there is no network to tell of.
            self._sockets = {}
        self._since = {inode: self._since.get(inode, time.time()) for inode in self._sockets}
        self._add_up(1.0 if self._looked_at is None else now - self._looked_at)
        self._looked_at = now
        self._next_look = now + (time.monotonic() - now) * _PAUSE

    def use_of(self, pid: int) -> Use:
        """What a process had of the network at the last look."""
        return self._uses.get(pid, _NOTHING)

    def moved_bytes(self, members: Iterable[Process]) -> int:
        """What went through the connections of these processes since it was asked last."""
        if not self.is_fresh:
            return 0
        return sum(self.use_of(process.pid).moved_bytes for process in members)

    def connections_of(self, members: Iterable[Process]) -> list[dict[str, object]]:
        """The connections of these processes, those that moved most first."""
        pids = {process.pid for process in members}
        own = [inode for inode in self._sockets if self._owners[inode] in pids]
        own.sort(key=self._delta, reverse=True)
        return [self._entry(inode) for inode in own[:MAX_CONNECTIONS]]

    def _add_up(self, seconds: float) -> None:
        self._uses = {}
        for inode in self._sockets:
            use = self._uses.setdefault(self._owners[inode], Use())
            use.connections += 1
            use.moved_bytes += self._delta(inode)
            use.bytes_per_second = round(use.moved_bytes / max(seconds, 0.1))

    def _delta(self, inode: int) -> int:
        # Numbers of sockets come again: a new one may have moved less than the old.
        return max(0, self._sockets[inode].moved_bytes - self._before.get(inode, 0))

    def _entry(self, inode: int) -> dict[str, object]:
        one = self._sockets[inode]
        return {
            "type": one.kind,
            "state": one.state,
            "local_addr": one.local,
            "remote_addr": one.remote,
            "pid": self._owners[inode],
            "bytes": one.moved_bytes,
            "delta": self._delta(inode),
            "started": round(self._since[inode], 3),
        }


def _sockets_by_owner(members: Iterable[Process]) -> dict[int, int]:
    """Process id by socket; what several processes share belongs to the oldest of them."""
    owners: dict[int, int] = {}
    left = MAX_DESCRIPTORS_IN_ALL
    for process in sorted(members, key=lambda process: process.start):
        links = _descriptors(process.pid, min(left, MAX_DESCRIPTORS))
        left -= len(links)
        for link in links:
            if link.startswith(_LINK_START):
                owners.setdefault(int(link[len(_LINK_START) : -1]), process.pid)
    return owners


def _descriptors(pid: int, most: int) -> list[str]:
    """Where the first descriptors of a process lead; none if it is gone or not ours to see."""
    links: list[str] = []
    with contextlib.suppress(OSError), os.scandir(f"/proc/{pid}/fd") as entries:
        for entry in itertools.islice(entries, most):
            with contextlib.suppress(OSError):
                links.append(os.readlink(entry.path))
    return links
