"""Lists of live jobs agree with a plain model of the API's rules, however they are read."""

import json
import math
from functools import cmp_to_key

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from models.database import db
from models.job import Job
from services import active_jobs, live_scan
from services.filters import loosely_equal
from services.live_texts import LiveTexts
from tests.factories import ADMIN, add_job, finish_job, limited, stored_job

JOBS = [
    {"state": "queued", "started": 5.0, "event": "e1", "nr": 3},
    {"state": "active", "started": 1.0, "event": "e1", "nr": 3, "server": "s1"},
    {"state": "queued", "started": 5.0, "event": "e2", "nr": True, "category": "other"},
    {"state": "queued", "started": 3.5, "event": "e1", "nr": 0.5, "priority": True},
    {"state": "active", "started": 1.0, "event": "e2", "nr": 10**299, "server": "s2"},
    {"state": "start_delay", "started": 9, "event": "e3", "nr": -1, "targets": ["gpu"]},
    {"state": "queued", "started": 5.0, "event": "e1", "nr": 7, "word": "w"},
]
VALUES = ["e1", "e2", "queued", "active", "s1", "3", 3, 1, True, None, "", "w", "main", ["e1"], {}]
KEYS = ["id", "event", "state", "server", "nr", "word", "targets", "category", "position", "no"]
OFFSETS = st.integers(-9, 9) | st.sampled_from([2**53, -(2**53)])


@pytest.fixture
def stored(app):
    """Live jobs of all kinds, as documents in the order of their launch, with their places."""
    for job in JOBS:
        columns = {"server": job["server"]} if "server" in job else {}
        finish_job(add_job())
        add_job(columns=columns, **job)
    return [json.loads(text) for chunk in listed() for text in chunk]


def listed(filters=None, caller=ADMIN, **paging):
    return list(active_jobs.listing(filters or {}, caller, **({"sort_dir": math.nan} | paging)))


def expected(rows, filters, caller, *, offset, limit, sort_by, sort_dir):
    """The rules as they are written: filter, access, stable sort by difference, slice."""
    rows = [
        row
        for row in rows
        if all(loosely_equal(value, row.get(key)) for key, value in filters.items())
        and caller.may_see(row)
    ]
    if all(isinstance(row.get(sort_by), (int, float)) for row in rows) and sort_dir == sort_dir:
        rows = sorted(
            rows,
            key=cmp_to_key(
                lambda one, two: (
                    ((one[sort_by] > two[sort_by]) - (one[sort_by] < two[sort_by])) * int(sort_dir)
                )
            ),
        )
    stop = offset + limit if limit else None
    return [row["id"] for row in rows[offset:stop]], len(rows)


@settings(
    max_examples=300, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(
    filters=st.dictionaries(st.sampled_from(KEYS), st.sampled_from(VALUES), max_size=2),
    caller=st.sampled_from([ADMIN, limited(groups=["main"]), limited(categories=["other"])]),
    offset=OFFSETS,
    limit=OFFSETS,
    sort_by=st.sampled_from(["started", "nr", "event", "position", "no"]),
    sort_dir=st.sampled_from([-1, 1, 2, -3, math.nan]),
)
def test_lists_follow_the_rules(stored, filters, caller, **paging):
    found = active_jobs.listing(filters, caller, **paging)
    rows = [json.loads(text)["id"] for chunk in found for text in chunk]
    assert (rows, found.length) == expected(stored, filters, caller, **paging)


def test_queued_jobs_show_their_places_on_every_page(stored):
    places = {row["id"]: row.get("position") for row in stored}
    assert list(places.values()) == [1, None, 1, 0, None, None, 2]
    for offset in range(len(JOBS)):
        ((text,),) = listed(offset=offset, limit=1, sort_dir=-1)
        row = json.loads(text)
        assert row.get("position") == places[row["id"]]


def test_a_change_shows_at_once(stored):
    job_id = stored[1]["id"]
    for label in ("first", "second"):
        db.write(lambda c, label=label: Job.patch(c, job_id, doc={"label": label}))
        ((text,),) = listed({"id": job_id})
        assert json.loads(text)["label"] == label
    finish_job(job_id)
    assert listed({"id": job_id}) == [[]]


def test_long_lists_come_in_chunks_and_leave_out_what_has_ended(app):
    def add_all(connection):
        return [stored_job(connection, started=float(number)) for number in range(350)]

    ids = db.write(add_all)
    found = active_jobs.listing({}, ADMIN, sort_dir=1)
    chunks = iter(found)
    assert found.length == 350
    first = next(chunks)
    finish_job(ids[300])
    rest = [json.loads(text)["id"] for chunk in chunks for text in chunk]
    assert len(first) == live_scan.CHUNK
    assert [*(json.loads(text)["id"] for text in first), *rest] == ids[:300] + ids[301:]
    assert found.length == 349


def test_all_entries_are_read_however_many_there_are(app, monkeypatch):
    monkeypatch.setattr(live_scan, "_ENTRIES", 2)
    for count in range(6):
        assert active_jobs.listing({"state": "ready"}, ADMIN).length == count
        add_job()


def test_kept_texts_are_bounded():
    kept = LiveTexts(most_chars=10)
    for number in range(4):
        kept.keep((f"j{number}", 1), "xxxx")
    assert kept.get(("j0", 1)) is None
    assert kept.get(("j3", 1)) == "xxxx"
    assert kept.get(("j3", 2)) is None
    kept.get(("j2", 1))
    kept.keep(("j4", 1), "yyyy")
    assert kept.get(("j2", 1)) == "xxxx"
    assert kept.get(("j3", 1)) is None
