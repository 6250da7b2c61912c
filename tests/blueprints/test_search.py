"""search_jobs over HTTP: parameters, pages, what rows have, and who finds what."""

import pytest

from models.database import db
from models.readers import QueryTimeout
from tests import factories
from tests.blueprints.api import assert_error


def made(*documents):
    """Finished jobs with these properties; returns their ids."""
    ids = []
    for document in documents:
        properties = dict(document)
        job_id = factories.add_job(
            **{key: properties.pop(key) for key in ("event", "category") if key in properties}
        )
        factories.finish_job(job_id, **properties)
        ids.append(job_id)
    return ids


@pytest.fixture
def three(app):
    """The ids of three finished jobs: of two events, the second one failed."""
    return made(
        {"event": "ev1", "tags": ["_success"], "elapsed": 2.0, "groups": ["main"]},
        {"event": "ev1", "code": "abort", "log": b"a fatal Crash", "elapsed": 3.0},
        {"event": "ev2", "category": "special", "elapsed": 1.0, "groups": ["gpu"]},
    )


def ids_of(response):
    assert response.status_code == 200, response.text
    return [row["id"] for row in response.json["rows"]]


def test_without_parameters_the_newest_job_and_the_number_of_all(call, three):
    reply = call("search_jobs").json
    assert [row["id"] for row in reply["rows"]] == three[2:]
    assert reply["list"]["length"] == 3


@pytest.mark.parametrize(
    ("query", "places"),
    [
        ("event:ev1", [1, 0]),
        ("event:ev1 code:-0", [1]),
        ("abort", [1]),
        ("-abort", [2, 0]),
        ("text:crash", [1]),
        ('text:"fatal crash"', [1]),
        ("event:ev1|ev2", [2, 1, 0]),
        ("tags:_success", [0]),
        ('(event = "ev1" && code = "abort")', [1]),
        ("date:today", [2, 1, 0]),
        ("elapsed:>=2", [1, 0]),
        ("   ", []),
        ("()", []),
        ("#summary:event", []),
    ],
)
def test_queries(call, three, query, places):
    response = call("search_jobs", {"query": query, "limit": 10})
    assert ids_of(response) == [three[place] for place in places]
    assert response.json["list"]["length"] == len(places)


@pytest.mark.parametrize(
    ("params", "places"),
    [
        ({"limit": 0}, [2]),
        ({"limit": "0"}, [2, 1, 0]),
        ({"limit": "x"}, [2, 1, 0]),
        ({"limit": -1}, []),
        ({"limit": 2, "offset": 1}, [1, 0]),
        ({"limit": 9, "offset": 2**60}, []),
        ({"limit": 9, "offset": -5}, [2, 1, 0]),
        ({"limit": 9, "sort_dir": 1}, [0, 1, 2]),
        ({"limit": 9, "sort_dir": "asc"}, [0, 1, 2]),
        ({"limit": 9, "sort_by": "elapsed"}, [1, 0, 2]),
        ({"limit": 9, "sort_by": "elapsed", "sort_dir": 1}, [2, 0, 1]),
        ({"limit": 9, "sort_by": "completed"}, [2, 1, 0]),
    ],
)
def test_pages_and_orders(call, three, params, places):
    assert ids_of(call("search_jobs", params)) == [three[place] for place in places]


def test_cursors_lead_through_all_pages(call, three):
    seen, cursor = [], {}
    while True:
        reply = call("search_jobs", {"limit": 1, "sort_by": "elapsed"} | cursor)
        seen += ids_of(reply)
        if "cursor" not in reply.json["list"]:
            break
        cursor = {"cursor": reply.json["list"]["cursor"]}
    assert seen == [three[1], three[0], three[2]]


@pytest.mark.parametrize(
    ("params", "text"),
    [
        ({"sort_by": "title"}, "Failed DB search: Error: Cannot find sorter: title"),
        ({"query": "nosuch:1"}, "Failed DB search: Error: Index not found: nosuch (at position 1)"),
        ({"query": "#summary:x"}, "Failed DB search: Error: Index not found: x"),
        ({"query": "(event ="}, "Failed DB search: Error: "),
        ({"query": "date:yesterday"}, "Failed DB search: Error: Invalid date: yesterday"),
    ],
)
def test_what_can_not_be_understood_is_told(call, params, text):
    if params.get("query", "").startswith("("):
        params = {"query": params["query"] + ")"}
    assert_error(call("search_jobs", params), 400, "db", text)


@pytest.mark.parametrize(
    "cursor",
    [
        "x",
        "====",
        "a" * 500,
        "W10",
        "bnVsbA",
        "WyJfaWQiLHRydWUsMWUzMDAsMV0",
        "WyJfaWQiLGZhbHNlLDEsMV0",
    ],
)
def test_a_cursor_of_nobodys_is_refused(call, three, cursor):
    assert_error(call("search_jobs", {"cursor": cursor}), 400, "api", "Malformed parameter value")


def test_an_unknown_id_is_not_found(call, three):
    assert ids_of(call("search_jobs", {"query": f"#id:{three[0]}"})) == [three[0]]
    for query in ("#id:nosuch", "#id:", "#id:\0", "#id:" + "x" * 9000):
        assert_error(call("search_jobs", {"query": query}), 404, "db", "Failed DB search: ")


def test_rows_leave_out_what_is_heavy_unless_they_are_to_be_whole(call, three):
    query = {"query": "abort"}
    (row,) = call("search_jobs", query).json["rows"]
    assert "activity" not in row
    assert row["output"] == "a fatal Crash"
    (row,) = call("search_jobs", query | {"verbose": 1}).json["rows"]
    assert row["activity"] == []
    (row,) = call("search_jobs", query | {"select": "id, activity,nosuch"}).json["rows"]
    assert row == {"id": three[1], "activity": []}
    response = call("search_jobs", query | {"select": 5})
    assert_error(response, 400, "api", "Select parameter must be an array.")


def test_limits_of_the_caller_hold_whatever_the_query_says(make_key, three):
    limited = make_key(categories=["special"])
    for query in ("*", "category:general|special", "category:general|", "-nosuch", "(code = 0)"):
        assert set(ids_of(limited("search_jobs", {"query": query, "limit": 9}))) <= {three[2]}
    assert ids_of(limited("search_jobs", {"query": "(code = 0)"})) == [three[2]]
    response = limited("search_jobs", {"query": f"#id:{three[0]}"})
    assert_error(response, 404, "db", "Failed DB search: ")
    by_group = make_key(groups=["gpu"])
    assert ids_of(by_group("search_jobs", {"limit": 9})) == [three[2]]
    assert_error(by_group("search_jobs", {"query": f"#id:{three[1]}"}), 404, "db", "Failed")


def test_the_reply_may_be_kept_for_a_while(call, three):
    assert "max-age=300" in call("search_jobs").headers["Cache-Control"]
    response = call("/api/app/search_jobs/v1?ttl=7")
    assert "max-age=7," in response.headers["Cache-Control"]


def test_a_search_that_takes_too_long_is_given_up(call, three, monkeypatch):
    monkeypatch.setattr("services.search._LONGEST_SEARCH", 0.01)

    steps = "WITH RECURSIVE n(x) AS (SELECT 1 UNION ALL SELECT x + 1 FROM n) SELECT max(x) FROM n"

    def endless(connection, *_):
        return connection.exec_driver_sql(steps).scalar()

    with pytest.raises(QueryTimeout):
        db.search(endless, 0.05)
    monkeypatch.setattr("services.search._run", endless)
    assert_error(call("search_jobs"), 503, "db", "The search takes too long")
    monkeypatch.undo()
    assert call("search_jobs").status_code == 200
