"""The transaction log: each change leaves one record, and only what may be kept is in it."""

from dataclasses import replace

import pytest

from core.errors import Conflict
from models.database import db
from models.transaction import Search, Transaction
from services import api_keys, audit, events, job_changes
from tests import factories
from tests.factories import ADMIN


@pytest.fixture(autouse=True)
def _application(app):
    """All of these need a database."""


def found(offset=0, limit=100, newest_first=False, **wanted):
    numbers, count = db.read(
        lambda connection: Transaction.search(
            connection, Search(**wanted), offset, limit, newest_first=newest_first
        )
    )
    assert count >= len(numbers)
    return db.read(lambda connection: Transaction.load(connection, numbers))


def actions(**wanted):
    return [record["action"] for record in found(**wanted)]


def origin():
    return {"ip": "10.0.0.1", "ips": ["192.0.2.7", "10.0.0.1"], "headers": {"host": "here"}}


def test_a_record_tells_who_what_when_and_from_where():
    caller = replace(ADMIN, origin=origin)
    event = factories.stored_event()
    events.update({"id": event["id"], "title": "New"}, caller)

    (record,) = found()
    assert record["id"].startswith("a")
    assert (record["action"], record["description"]) == ("event_update", "New")
    assert record["username"] == caller.id
    assert record["event"]["revision"] == 2
    assert {key: record[key] for key in origin()} == origin()
    assert record["keywords"] == [caller.id, "192.0.2.7", "10.0.0.1", event["id"]]
    assert isinstance(record["epoch"], float)


def test_what_is_refused_is_not_recorded():
    event = factories.stored_event()
    factories.add_job(event=event["id"], state="active")

    with pytest.raises(Conflict):
        events.delete(event["id"], ADMIN)
    assert found() == []


def test_aborts_are_recorded_once_with_their_reason():
    job = factories.add_job(state="active")
    job_changes.abort(job, ADMIN)
    job_changes.abort(job, ADMIN)

    (record,) = found(keywords=[job])
    assert (record["action"], record["description"]) == ("job_abort", job)
    assert record["reason"] == "Manually aborted by API Key: Admin"


def test_changes_of_jobs_are_recorded():
    job = factories.add_job(state="active")
    factories.finish_job(job)
    job_changes.update(job, {"label": "x"}, ADMIN)
    job_changes.set_names("tags", job, ["flag"], ADMIN)
    job_changes.delete(job, ADMIN)

    assert actions(keywords=[job]) == ["job_update", "job_update_tags", "job_delete"]
    event = factories.stored_event()
    job_changes.flush_queue(event["id"], ADMIN)
    assert actions(keywords=[event["id"]]) == ["queue_flush"]


def test_no_hash_of_a_key_is_recorded():
    record, _ = api_keys.create({"title": "x"}, ADMIN)
    api_keys.update(record["id"], {"title": "y"}, ADMIN)
    api_keys.delete(record["id"], ADMIN)

    records = found(keywords=[record["id"]])
    assert [item["action"] for item in records] == [
        *("apikey_create", "apikey_update", "apikey_delete"),
    ]
    assert all(record["key"] not in str(item) for item in records)


def test_searches_combine_what_they_name():
    def add(action, word):
        db.write(lambda connection: audit.record(connection, ADMIN, action, "-", [word]))

    for number in range(6):
        add(f"a{number % 2}", f"k{number % 3}")
    middle = found()[3]["epoch"]

    assert actions(keywords=["k0"]) == ["a0", "a1"]
    assert actions(actions=["a1"], keywords=["k0"]) == ["a1"]
    assert actions(actions=["a0", "a1"], usernames=[ADMIN.id]) == ["a0", "a1"] * 3
    assert actions(usernames=["nobody"]) == []
    epochs = [item["epoch"] for item in found()]
    for bounded in (found(since=middle), found(until=middle)):
        assert middle in [item["epoch"] for item in bounded]
    assert len(found(since=middle)) == sum(epoch >= middle for epoch in epochs)
    assert len(found(until=middle)) == sum(epoch <= middle for epoch in epochs)
    assert [item["keywords"][-1] for item in found(1, 2, newest_first=True)] == ["k1", "k0"]


def test_a_word_that_no_keyword_can_be_is_left_out():
    db.write(lambda connection: audit.record(connection, ADMIN, "a", "-", ["x" * 300, "y", "y"]))

    assert found()[0]["keywords"] == [ADMIN.id, "y", "y"]
