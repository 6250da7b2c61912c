"""Searches as SQL find what a plain look at every job finds, whatever was changed before."""

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from core import json
from core.words import words_of
from models.database import db
from models.job import Job
from schemas.search_query import EVERYTHING, All, AnyOf, Not, Range, Text, Word
from services import job_views
from services.search_sql import Page, Search
from tests.factories import finish_in, stored_job

IDS = ["e1", "e2", "other"]
TAGS = ["flag", "important", "my-tag", "tag", "Ünïcode tag", "_success"]
LABELS = ["quick brown fox", "lazy dog", "", "brown"]
LOGS = [b"", b"the quick fox 2.5", b"nothing here\nlazy DOG"]
JOBS = st.fixed_dictionaries(
    {
        "event": st.sampled_from(IDS),
        "code": st.sampled_from([0, 0, 1, "abort"]),
        "tags": st.lists(st.sampled_from(TAGS), max_size=3),
        "label": st.sampled_from(LABELS),
        "log": st.sampled_from(LOGS),
        "completed": st.integers(1000, 1010).map(float),
        "elapsed": st.sampled_from([0.0, 1.5, 2.0, 3.0]),
        "groups": st.lists(st.sampled_from(["main", "gpu"]), max_size=2),
    }
)
WORDS = st.one_of(
    st.builds(lambda name: Word("event", (name,)), st.sampled_from([*IDS, "nosuch"])),
    st.builds(lambda name: Word("code", (name,)), st.sampled_from(["0", "1", "abort"])),
    st.builds(
        lambda words: Word("tags", words),
        st.sampled_from([("flag",), ("tag",), ("my", "tag"), ("unicode",), ("_success",), ("my",)]),
    ),
    st.builds(lambda name: Word("groups", (f"={name}",)), st.sampled_from(["main", "gpu"])),
)
TEXTS = st.builds(
    Text, st.sampled_from([("quick",), ("brown", "fox"), ("lazy", "dog"), ("2_5",), ("nosuch",)])
)
MOMENTS = st.one_of(st.none(), st.integers(999, 1011).map(float))
RANGES = st.one_of(
    st.builds(Range, st.just("completed"), MOMENTS, MOMENTS),
    st.builds(
        Range, st.just("elapsed"), st.sampled_from([None, 1.0]), st.sampled_from([None, 3.0])
    ),
)
QUERIES = st.recursive(
    st.one_of(WORDS, TEXTS, RANGES),
    lambda inner: st.one_of(
        st.builds(All, st.lists(inner, max_size=3).map(tuple)),
        st.builds(AnyOf, st.lists(inner, max_size=3).map(tuple)),
        st.builds(Not, inner),
    ),
    max_leaves=6,
)
PAGES = st.builds(
    Page,
    st.sampled_from(["_id", "completed", "elapsed"]),
    st.booleans(),
    st.integers(1, 4),
    st.integers(0, 3),
)


def holds(node, job):
    """Whether a job, as a plain dictionary, meets a query."""
    match node:
        case Word(field, words):
            value = job[field]
            values = value if isinstance(value, list) else [value]
            if words[0].startswith("="):
                return words[0][1:] in values
            return any(_has_run(words_of(str(item)), words) for item in values)
        case Text(words):
            texts = (job["label"], job["log"].decode())
            return any(_has_run(words_of(text), words) for text in texts)
        case Range(field, low, high):
            return (low is None or job[field] >= low) and (high is None or job[field] < high)
        case Not(item):
            return not holds(item, job)
        case All(items):
            return all(holds(item, job) for item in items)
        case AnyOf(items):
            return any(holds(item, job) for item in items)


def _has_run(words, run):
    places = range(len(words) - len(run) + 1)
    return any(tuple(words[place : place + len(run)]) == tuple(run) for place in places)


def make(*documents):
    """Finished jobs; returns their properties with their numbers."""
    return db.write(lambda connection: [_made(connection, document) for document in documents])


def _made(connection, properties):
    values = dict(properties)
    log = values.pop("log")
    job_id = stored_job(connection, event=values.pop("event"))
    finish_in(connection, job_id, log=log, **values)
    return properties | {"seq": Job.load(connection, job_id, "seq").seq, "id": job_id}


def found(query, page):
    def work(connection):
        search = Search(connection, query)
        total = search.total()
        return total, search.page(page, total)

    return db.read(work)


def expected(jobs, query, page):
    """The same by looking at every job."""
    column = {"_id": "seq"}.get(page.sort_by, page.sort_by)
    hits = sorted(
        ((job[column], job["seq"]) for job in jobs if holds(query, job)), reverse=page.descending
    )
    if page.after is not None:
        hits = [hit for hit in hits if (hit < page.after if page.descending else hit > page.after)]
    return hits[page.offset : page.offset + page.limit]


@pytest.fixture
def clean(app):
    """Nothing but an application; examples clear up behind themselves."""


@settings(
    max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(
    st.lists(JOBS, max_size=8),
    st.lists(st.tuples(QUERIES, PAGES), min_size=1, max_size=12),
    st.data(),
)
def test_a_search_finds_what_a_look_at_every_job_finds(clean, documents, searches, data):
    jobs = make(*documents)
    try:
        jobs = _changed(jobs, data)
        for query, page in searches:
            total, places = found(query, page)
            assert total == sum(holds(query, job) for job in jobs), query
            assert list(places) == expected(jobs, query, page), (query, page)
    finally:
        db.write(lambda connection: [Job.delete(connection, job["id"]) for job in jobs])
    assert found(EVERYTHING, Page("_id", True, 9)) == (0, [])


def _changed(jobs, data):
    """The jobs after some were tagged anew, relabelled or deleted."""
    kept = []
    for job in jobs:
        what = data.draw(st.sampled_from(["keep", "keep", "tags", "label", "delete"]))
        if what in ("tags", "label"):
            value = data.draw(JOBS)[what]
            db.write(lambda c, job=job, what=what, value=value: _revise(c, job["id"], what, value))
            kept.append(job | {what: value})
        elif what == "delete":
            db.write(lambda connection, job=job: Job.delete(connection, job["id"]))
        else:
            kept.append(job)
    return kept


def _revise(connection, job_id, key, value):
    row = Job.load(connection, job_id)
    record = json.loads(row.head) | json.loads(row.heavy) | {key: value}
    Job.revise(connection, row, *job_views.split_record(record))


def test_cursors_visit_each_job_once_while_others_come(app):
    jobs = make(*(PLAIN | {"completed": 1000.0 + number % 3} for number in range(10)))
    for sort_by in ("_id", "completed", "elapsed"):
        for descending in (True, False):
            seen, after = [], None
            while True:
                page = Page(sort_by, descending, 3, 0, after)
                _, places = found(Word("event", ("e1",)), page)
                if not places:
                    break
                seen += [seq for _, seq in places]
                after = places[-1]
                if descending:
                    # What comes now is in front of what was seen.
                    make(PLAIN | {"completed": 2000.0, "elapsed": 99.0})
            ours = {job["seq"] for job in jobs}
            assert [seq for seq in seen if seq in ours] != []
            assert len(seen) == len(set(seen))
            assert ours <= set(seen)


PLAIN = {
    "event": "e1",
    "code": 0,
    "tags": [],
    "label": "",
    "log": b"",
    "elapsed": 1.0,
    "groups": [],
}


def test_long_values_are_cut_and_found_by_their_beginning(app):
    (job,) = make(PLAIN | {"completed": 1.0, "tags": ["x" * 5000, "a b c d e f g h i j"]})
    page = Page("_id", True, 5)
    for words in (("x" * 255,), ("a",), ("g", "h"), ("a", "b", "c", "d", "e", "f", "g", "h")):
        assert found(Word("tags", words), page) == (1, [(job["seq"], job["seq"])])
    assert found(Word("tags", ("i",)), page) == (0, [])


def test_many_matches_are_walked_through_in_order(app, monkeypatch):
    jobs = make(*(PLAIN | {"completed": float(at), "elapsed": at * 7 % 5.0} for at in range(9)))
    queries = (EVERYTHING, AnyOf((Word("event", ("e1",)), Word("code", ("0",)))), Not(Text(("x",))))
    monkeypatch.setattr("services.search_sql._MOST_SORTED", 3)
    for query in queries:
        for sort_by in ("_id", "completed", "elapsed"):
            page = Page(sort_by, True, 4, 2)
            assert found(query, page) == (9, expected(jobs, query, page))
