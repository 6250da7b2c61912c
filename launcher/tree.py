"""Which processes belong to which run: one scan of /proc, and each run's share of it."""

from __future__ import annotations

import os
from collections.abc import Mapping

from launcher.process import Process, read_links, read_marker, read_process


class Snapshot:
    """All processes of one instant, indexed by parent, session and group."""

    def __init__(self, thorough: bool, known: Mapping[int, int] | None = None) -> None:
        """Scan /proc; a thorough one looks for markers in all jobs, else only among orphans.

        Beyond the launcher's descendants there is nothing to find, for it is a subreaper; but
        another instance on this host may use the same launch ids. `known` members of runs, by
        their ids and start times, need not be looked at again.
        """
        self.processes = _scan()
        self._known = known or {}
        self._children: dict[int, list[int]] = {}
        self._by_session: dict[int, list[int]] = {}
        self._by_group: dict[int, list[int]] = {}
        for pid, process in self.processes.items():
            self._children.setdefault(process.parent, []).append(pid)
            self._by_session.setdefault(process.session, []).append(pid)
            self._by_group.setdefault(process.group, []).append(pid)
        orphans = [pid for pid in self._children.get(os.getpid(), ()) if not self._is_known(pid)]
        self._marked: dict[str, list[int]] = {}
        for pid in self._descendants() if thorough else orphans:
            # Kernel threads and zombies have no memory, hence no environment.
            if self.processes[pid].fields[20] != b"0":
                self._marked.setdefault(read_marker(pid), []).append(pid)
        unmarked = set(self._marked.get("", ())).intersection(orphans)
        self._links = {pid: read_links(pid) for pid in unmarked}

    def marked(self, launch: str) -> list[int]:
        return self._marked.get(launch, [])

    def orphans_linked_to(self, targets: set[str], directory: str) -> list[int]:
        """Orphans without a marker that hold a file of a run or stand in its directory."""
        return [
            pid
            for pid, links in self._links.items()
            if any(link in targets or link.startswith(directory) for link in links)
        ]

    def led_by(self, pid: int) -> list[int]:
        """The processes whose session or group was founded by `pid`."""
        return self._by_session.get(pid, []) + self._by_group.get(pid, [])

    def closure(self, seeds: list[int]) -> set[int]:
        """The seeds, their descendants, and who shares a session or group founded among them."""
        found: set[int] = set()
        waiting = list(seeds)
        while waiting:
            pid = waiting.pop()
            process = self.processes.get(pid)
            if process is None or pid in found or pid == os.getpid():
                continue
            found.add(pid)
            waiting += self._children.get(pid, ())
            for leader in {process.session, process.group}:
                # A founder outside the tree means that this process merely visits its session.
                if leader == pid or (leader and leader not in self.processes):
                    waiting += self.led_by(leader)
        return found

    def _is_known(self, pid: int) -> bool:
        return self._known.get(pid) == self.processes[pid].start

    def _descendants(self) -> set[int]:
        found: set[int] = set()
        waiting = [os.getpid()]
        while waiting:
            children = self._children.get(waiting.pop(), ())
            found.update(children)
            waiting += children
        return found


class ProcessTree:
    """The processes of one run: its leader, and everything that descends from it."""

    def __init__(self, launch: str, leader: int, start: int, stdio: set[str], run_dir: str) -> None:
        """`stdio` names the leader's standard streams as /proc/PID/fd shows them."""
        self._launch = launch
        self._stdio = stdio
        self._run_dir = run_dir + "/"
        self._leader = leader
        self._start = start
        #: Start ticks of the members that earlier scans found.
        self.seen: dict[int, int] = {leader: start}

    def members(self, snapshot: Snapshot) -> list[Process]:
        """All members in a snapshot; they are remembered for the next one."""
        seeds = [pid for pid, start in self.seen.items() if _is(snapshot, pid, start)]
        seeds += snapshot.marked(self._launch)
        # A daemon that emptied its environment is still told by what it holds.
        seeds += snapshot.orphans_linked_to(self._stdio, self._run_dir)
        if self._leader not in snapshot.processes:
            # Its number is free only while nobody is in the session that it founded.
            seeds += snapshot.led_by(self._leader)
        found = [snapshot.processes[pid] for pid in sorted(snapshot.closure(seeds))]
        # A fork of the launcher itself, or whatever else is older, is none of the job's.
        found = [process for process in found if process.start >= self._start]
        self.seen = {process.pid: process.start for process in found}
        return found


def _is(snapshot: Snapshot, pid: int, start: int) -> bool:
    process = snapshot.processes.get(pid)
    return process is not None and process.start == start


def _scan() -> dict[int, Process]:
    found = (read_process(int(name)) for name in os.listdir("/proc") if name.isdigit())
    return {process.pid: process for process in found if process is not None}
