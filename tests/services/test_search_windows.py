"""Pages of a search for one text on PostgreSQL: the same jobs as without windows, in order."""

import pytest

from models import job_text
from models.database import db
from services import search_windows

pytestmark = pytest.mark.databases("postgresql")

#: Every third job has the word `often`, and each hundredth the word `rare` besides.
JOBS = 3_000


@pytest.fixture
def texts(app, monkeypatch):
    """Many texts, and windows from few jobs on."""
    monkeypatch.setattr(search_windows, "_FEW", 10)

    def work(connection):
        for seq in range(1, JOBS + 1):
            words = [
                "log",
                *(["often"] if seq % 3 == 0 else []),
                *(["rare"] if seq % 100 == 0 else []),
            ]
            job_text.add(connection, seq, [], words)

    db.write(work)


def page(word, **options):
    wanted = {"descending": True, "limit": 7, "offset": 0, "after": None} | options

    def work(connection):
        total = job_text.count(connection, [word])
        return search_windows.page(connection, [word], total, **wanted)

    return db.read(work)


@pytest.mark.parametrize(("word", "step"), [("often", 3), ("rare", 100), ("log", 1)])
@pytest.mark.parametrize("descending", [True, False])
def test_pages_follow_each_other_through_all_jobs(texts, word, step, descending):
    expected = list(range(step, JOBS + 1, step))
    if descending:
        expected.reverse()
    found, after = [], None
    while numbers := page(word, descending=descending, limit=400, after=after):
        found += numbers
        after = numbers[-1]
    assert found == expected
    for offset in (0, 1, len(expected) - 2, len(expected)):
        wanted = expected[offset : offset + 7]
        assert page(word, descending=descending, offset=offset) == wanted


def test_what_is_crowded_in_one_place_is_found_too(app, monkeypatch):
    """The window guesses wrong: all jobs with the word lie at the other end."""
    monkeypatch.setattr(search_windows, "_FEW", 10)

    def work(connection):
        for seq in range(1, 1001):
            job_text.add(connection, seq, [], ["old"] if seq <= 50 else ["new"])

    db.write(work)
    assert page("old") == [50, 49, 48, 47, 46, 45, 44]


def test_a_word_that_nobody_has_finds_nothing(texts):
    assert page("nosuch") == []
