"""The endpoints of the transaction log."""

import pytest

from tests.blueprints.api import EVENT, assert_error


@pytest.fixture
def changed(call):
    """The id of an event with a history of three changes."""
    call("create_event", {"id": "e1", **EVENT})
    call("update_event", {"id": "e1", "title": "Second"})
    call("update_event", {"id": "e1", "title": "Third"})
    return "e1"


def test_history_shows_the_newest_change_with_the_event_as_it_was(call, changed):
    reply = call(f"/api/app/get_event_history/v1?id={changed}")

    (row,) = reply.json["rows"]
    assert reply.json["list"] == {"length": 3}
    assert (row["action"], row["description"]) == ("event_update", "Third")
    assert row["event"] == call("get_event", {"id": changed}).json["event"]
    assert set(row) == {
        *("id", "action", "description", "epoch", "username", "keywords", "event"),
    }
    assert row["keywords"] == ["kadmin", changed]


def test_history_in_pages(call, changed):
    def titles(**page):
        rows = call("get_event_history", {"id": changed, **page}).json["rows"]
        return [row["event"]["title"] for row in rows]

    assert titles(limit=9) == ["Third", "Second", "Test"]
    assert titles(limit="9", sort_dir=1, sort_by="_id") == ["Test", "Second", "Third"]
    assert titles(offset=1, limit=1) == ["Second"]
    assert titles(offset="x", limit="y", sort_dir="z") == ["Third"]
    assert titles(offset="9" * 30) == []
    assert titles(offset=-5, limit=-1) == []


def test_caches_may_keep_history_but_not_mix_callers(call, changed):
    path = f"/api/app/get_event_history/v1?id={changed}"

    def control(query=""):
        reply = call(path + query)
        assert "X-API-Key" in reply.vary
        return reply.headers.getlist("Cache-Control")

    assert control() == ["public, max-age=300, must-revalidate"]
    assert control("&ttl=5") == ["public, max-age=5, must-revalidate"]
    assert control("&ttl=5,+private") == ["public, max-age=300, must-revalidate"]


def test_history_that_can_not_be_had(call, make_key, changed):
    assert_error(call("get_event_history", {}), 400, "api", "Missing parameter: id")
    unknown = call("get_event_history", {"id": "nosuch"})
    assert_error(unknown, 404, "event", "Event not found: nosuch")
    other = make_key(categories=["other"])
    assert_error(other("get_event_history", {"id": changed}), 403, "access", "You do not have")
    sorter = call("get_event_history", {"id": changed, "sort_by": "title"})
    assert_error(sorter, 400, "db", "Failed DB search: Error: Cannot find sorter: title")
    many = call("get_event_history", {"id": changed, "limit": 1001})
    assert_error(many, 400, "api", "Malformed parameter value: limit")
    call("delete_event", {"id": changed})
    assert_error(call("get_event_history", {"id": changed}), 404, "event", "Event not found: e1")


def test_many_rows_come_whole(call):
    call("create_event", {"id": "e1", **EVENT})
    for number in range(45):
        call("update_event", {"id": "e1", "number": number})

    rows = call("get_event_history", {"id": "e1", "limit": 1000}).json["rows"]
    assert [row["event"].get("number") for row in rows] == [*range(44, -1, -1), None]


def test_activity_is_searched_by_administrators(call, make_key, changed):
    def found(**wanted):
        rows = call("search_activity", {"limit": 9, **wanted}).json["rows"]
        return [row["action"] for row in rows]

    assert found(keywords=changed) == ["event_update", "event_update", "event_create"]
    assert found(action="event_create,event_delete", keywords=["127.0.0.1"]) == ["event_create"]
    assert found(username="nobody") == []
    assert found(keywords=changed, until=5) == []
    assert len(found(keywords=changed, since="5.5")) == 3
    assert call("search_activity").json["rows"][0]["ip"] == "127.0.0.1"
    assert_error(make_key()("search_activity"), 403, "access", 'API Key "Test Key" does not')


@pytest.mark.parametrize(
    "wanted",
    [
        {"keywords": "a\0b"},
        {"action": ["x"] * 21},
        {"username": "x" * 256},
        {"since": "yesterday"},
        {"until": True},
        {"until": "9" * 400},
        {"limit": "9" * 30},
        {"username": {"a": 1}},
    ],
)
def test_senseless_searches_are_refused(call, wanted):
    reply = call("search_activity", wanted)
    assert_error(reply, 400, "api", "Malformed parameter")
