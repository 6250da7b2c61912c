"""Leadership: how one engine becomes the leader, stays it, and notices that it is not any more."""

import os
import socket
from pathlib import Path

import sqlalchemy as sa

from models.database import db
from models.leader import Leader

#: How long a lease runs without being renewed, seconds.
LEASE_SECONDS = 5.0
#: How often it is renewed, seconds.
RENEW_SECONDS = 1.0


class LeadershipLost(Exception):
    """Another engine leads: whatever this one was about to write must not be written."""


class Lease:
    """This engine's claim to lead; its epoch fences off every engine before it."""

    def __init__(self) -> None:
        self.epoch = 0
        self._holder = f"{socket.gethostname()} {os.getpid()} {_start_time(os.getpid())}"

    def acquire(self) -> bool:
        """Try to become the leader; false while another engine is."""
        self.epoch = 0
        if db.read(self._is_free):
            self.epoch = db.write(self._take)
        return self.epoch > 0

    def _is_free(self, connection: sa.Connection) -> bool:
        current = Leader.current(connection)
        if current is None:
            return True
        holder, _, runs = current
        return not runs or holder == self._holder or _is_dead(holder)

    def _take(self, connection: sa.Connection) -> int:
        """Take the lead unless somebody was faster; the new epoch, or 0."""
        if not self._is_free(connection):
            return 0
        return Leader.take(connection, self._holder, LEASE_SECONDS)

    def renew(self) -> None:
        """Extend the lease; raises `LeadershipLost`."""

        def work(connection: sa.Connection) -> bool:
            return Leader.renew(connection, self.epoch, LEASE_SECONDS)

        if not db.write(work, shared=True):
            raise LeadershipLost

    def check(self, connection: sa.Connection) -> None:
        """Raise `LeadershipLost` unless this engine leads, as of this transaction."""
        if not Leader.epoch_is(connection, self.epoch):
            raise LeadershipLost

    def release(self) -> None:
        """Give up, so that a standby can go on at once."""
        db.write(lambda connection: Leader.release(connection, self.epoch))


def _is_dead(holder: str) -> bool:
    """Whether a holder ran on this host and its process is gone: no need to wait for its lease."""
    host, pid, start_time = holder.rsplit(" ", 2)
    return host == socket.gethostname() and _start_time(int(pid)) != start_time


def _start_time(pid: int) -> str:
    """When a process started, in clock ticks since boot, with the boot; empty when it is gone."""
    try:
        stat = Path(f"/proc/{pid}/stat").read_text()
    except OSError:
        return ""
    boot = Path("/proc/sys/kernel/random/boot_id").read_text().strip()
    fields = stat.rpartition(")")[2].split()
    # A zombie's entry stays until its parent takes note; it leads nothing.
    return "" if fields[0] == "Z" else f"{fields[19]}@{boot}"
