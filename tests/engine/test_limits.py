"""Limits on what a running job uses: when they fire, once, and with which words."""

import pytest

from engine import claims
from engine.limits import Reading, enforce, first_limit
from services.deadlines import next_due


def limit(kind, **changes):
    return {"type": kind, "enabled": True, "abort": True} | changes


def look(limits, **reading):
    """One look at a job's limits, ten seconds after its start."""
    return enforce("j1", {"limits": limits, "tags": ["a"]}, Reading(110.0, 100.0, **reading))


@pytest.mark.parametrize(
    ("watched", "used", "text"),
    [
        (
            limit("time", duration=10),
            {},
            "Job elapsed time has exceeded maximum limit of 10 seconds.",
        ),
        (
            limit("log", amount=1434),
            {"log_bytes": 1435},
            "Job output size has exceeded maximum limit of 1.4 K.",
        ),
        (
            limit("mem", amount=1024),
            {"mem_bytes": 1025},
            "Job memory usage has exceeded maximum limit of 1 K for 0 seconds.",
        ),
        (
            limit("cpu", amount=50),
            {"cpu_percent": 50.5},
            "Job CPU usage has exceeded maximum limit of 50% for 0 seconds.",
        ),
    ],
)
def test_a_limit_fires_when_it_is_exceeded(watched, used, text):
    effect = look([watched], **used)
    (fired,) = effect.changes["limits"]
    assert effect.abort_reason == fired["msg"] == text
    assert (fired["code"], fired["date"]) == (0, 110.0)
    assert [entry["msg"] for entry in effect.entries] == [text]


@pytest.mark.parametrize(
    ("watched", "used"),
    [
        (limit("time", duration=10.1), {}),
        (limit("log", amount=10), {"log_bytes": 10}),
        (limit("mem", amount=10), {"mem_bytes": 10}),
        (limit("cpu", amount=10), {"cpu_percent": 10}),
        (limit("log", amount=10, enabled=False), {"log_bytes": 11}),
        (limit("log", amount=10, date=1), {"log_bytes": 11}),
        (limit("job", amount=1), {"log_bytes": 11}),
        (limit("mem", amount=10), {}),
    ],
)
def test_a_limit_that_is_kept_or_off_or_has_fired_stays_as_it_is(watched, used):
    effect = look([watched], **used)
    assert (effect.changes, effect.entries, effect.abort_reason) == ({}, [], None)


def test_memory_has_to_stay_over_its_limit_for_its_duration():
    limits = [limit("mem", amount=10, duration=60)]
    for now, used in ((100, 11), (130, 12), (140, 9), (150, 11), (209, 11)):
        effect = enforce("j1", {"limits": limits}, Reading(now, 100.0, mem_bytes=used))
        limits = effect.changes.get("limits", limits)
        assert effect.abort_reason is None
        assert ("when" in limits[0]) == (used > 10)
    effect = enforce("j1", {"limits": limits}, Reading(210, 100.0, mem_bytes=11))
    assert effect.abort_reason.endswith("of 10 bytes for 1 minute.")


def test_between_two_samples_a_duration_goes_on():
    limits = [limit("cpu", amount=10, duration=5, when=104.0)]
    assert look(limits).abort_reason.endswith("of 10% for 5 seconds.")


def test_a_limit_without_abort_only_notes_and_tags():
    effect = look([limit("log", amount=1, abort=False, tags=["b", "a", 7])], log_bytes=2)
    assert effect.abort_reason is None
    assert effect.changes["tags"] == ["a", "b"]
    assert effect.changes["limits"][0]["details"] == ""


@pytest.mark.parametrize("tags", ["word", 5, {"a": 1}, None])
def test_tags_of_a_limit_that_are_no_list_are_none(tags):
    assert look([limit("log", amount=1, tags=tags)], log_bytes=2).changes["tags"] == ["a"]


def test_of_two_limits_that_fire_together_the_first_gives_the_reason():
    effect = look([limit("log", amount=1), limit("time", duration=1)], log_bytes=2)
    assert effect.abort_reason.startswith("Job output size")
    assert len(effect.entries) == 2


def test_the_next_time_limit_is_the_nearest_open_one():
    limits = [limit("time", duration=9, date=1), limit("time", duration=8), limit("mem", amount=1)]
    assert next_due(limits, 100.0) == 108.0


def test_the_first_enabled_limit_of_a_kind_counts():
    limits = [limit("tag", amount=1, enabled=False), limit("tag", amount=2), limit("tag", amount=3)]
    assert first_limit({"limits": limits}, "tag")["amount"] == 2
    assert first_limit({"limits": limits}, "file") is None
    assert first_limit({}, "file") is None


@pytest.mark.parametrize(
    ("changes", "kinds"),
    [
        ({"users": ["ann"]}, ["email"]),
        ({"users": [], "email": "a@b.c"}, ["email"]),
        ({"web_hook": "w1", "users": ["ann"]}, ["email", "web_hook"]),
        ({"users": [], "email": "", "web_hook": ""}, []),
    ],
)
def test_a_limit_that_fires_lets_know_whom_it_names(monkeypatch, changes, kinds):
    monkeypatch.setattr(claims, "PERFORMERS", dict.fromkeys(("email", "web_hook")))
    given = [limit("log", amount=99), limit("log", amount=1, **changes)]
    effect = look(given, log_bytes=2)
    assert [claim.type for claim in effect.claims] == kinds
    for claim in effect.claims:
        assert (claim.condition, claim.place) == ("limited", 1)
        assert claim.action == effect.changes["limits"][1]
    assert effect.abort_reason is not None


def test_a_limit_may_keep_what_the_processes_looked_like():
    effect = enforce(
        "j1",
        {"limits": [limit("log", amount=1, snapshot=True)], "server": "s1"},
        Reading(
            110.0,
            100.0,
            log_bytes=2,
            live={"procs": {"7": {"pid": 7, "cpu": 5, "memRss": 1024, "command": "make"}}},
        ),
    )
    (fired,) = effect.changes["limits"]
    sections = fired["details"].split("### ")
    assert [section.split("\n")[0] for section in sections[1:]] == [
        "Snapshot Details:",
        "Abort Details:",
    ]
    assert "| make |" in fired["details"]
    assert effect.entries[0]["msg"] == "Taking snapshot of server: #s1"
