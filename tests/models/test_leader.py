"""The lease: one leader, ever higher epochs."""

from models.database import db
from models.leader import Leader


def take(holder, seconds=5.0):
    return db.write(lambda connection: Leader.take(connection, holder, seconds))


def test_each_leader_gets_a_higher_epoch(app):
    assert db.read(Leader.current) is None
    epochs = [take("a"), take("b"), take("a")]
    assert epochs == sorted(set(epochs))
    assert db.read(Leader.current) == ("a", epochs[-1], True)


def test_a_lease_is_renewed_by_its_epoch_only(app):
    old, new = take("a"), take("b")
    assert not db.write(lambda connection: Leader.renew(connection, old, 5.0))
    assert db.write(lambda connection: Leader.renew(connection, new, 5.0))
    assert db.read(lambda connection: Leader.epoch_is(connection, new))
    assert not db.read(lambda connection: Leader.epoch_is(connection, old))


def test_a_released_or_expired_lease_does_not_run(app):
    epoch = take("a")
    db.write(lambda connection: Leader.release(connection, epoch))
    assert db.read(Leader.current) == ("a", epoch, False)
    epoch = take("b", seconds=-1.0)
    assert db.read(Leader.current) == ("b", epoch, False)
