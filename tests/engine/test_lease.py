"""Leadership: one at a time, handed over at once where the holder is gone."""

import subprocess
import sys

import pytest

from engine.lease import LeadershipLost, Lease
from models.database import db
from models.leader import Leader


def hold(holder, seconds=60.0):
    return db.write(lambda connection: Leader.take(connection, holder, seconds))


def test_the_first_engine_leads(app):
    lease = Lease()
    assert lease.acquire()
    assert lease.epoch > 0
    lease.renew()
    db.read(lease.check)


def test_a_living_leader_is_not_replaced(app):
    first, second = Lease(), Lease()
    assert first.acquire()
    second._holder = "elsewhere 1 1@boot"
    assert not second.acquire()
    assert second.epoch == 0
    db.read(first.check)


def test_a_standby_leads_as_soon_as_the_leader_gives_up(app):
    first, second = Lease(), Lease()
    second._holder = "elsewhere 1 1@boot"
    first.acquire()
    first.release()
    assert second.acquire()
    assert second.epoch > first.epoch


def test_an_expired_lease_is_free(app):
    hold("elsewhere 1 1@boot", seconds=-1.0)
    assert Lease().acquire()


def test_a_dead_process_of_this_host_leads_no_more(app):
    code = "from engine.lease import Lease; print(Lease()._holder)"
    holder = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True
    ).stdout.strip()
    hold(holder)
    assert Lease().acquire()


def test_a_reused_process_number_is_another_process(app):
    host, pid, _ = Lease()._holder.rsplit(" ", 2)
    hold(f"{host} {pid} 1@anotherboot")
    lease = Lease()
    assert lease.acquire()


def test_a_replaced_leader_may_write_nothing_more(app):
    lease = Lease()
    lease.acquire()
    hold("elsewhere 1 1@boot")
    with pytest.raises(LeadershipLost):
        lease.renew()
    with pytest.raises(LeadershipLost):
        db.write(lease.check)


def test_a_late_release_does_not_end_the_next_lease(app):
    lease = Lease()
    lease.acquire()
    epoch = hold("elsewhere 1 1@boot")
    lease.release()
    assert db.read(Leader.current) == ("elsewhere 1 1@boot", epoch, True)
