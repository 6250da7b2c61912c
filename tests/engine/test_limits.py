"""Limits on what a running job uses: when they fire, once, and with which words."""

import pytest

from engine.limits import Reading, enforce
from services.deadlines import next_due


def limit(kind, **changes):
    return {"type": kind, "enabled": True, "abort": True} | changes


def look(limits, **reading):
    """One look at a job's limits, ten seconds after its start."""
    return enforce("j1", {"limits": limits, "tags": ["a"]}, Reading(110.0, 100.0, **reading))


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


def test_of_two_limits_that_fire_together_the_first_gives_the_reason():
    effect = look([limit("log", amount=1), limit("time", duration=1)], log_bytes=2)
    assert effect.abort_reason.startswith("Job output size")
    assert len(effect.entries) == 2


def test_the_next_time_limit_is_the_nearest_open_one():
    limits = [limit("time", duration=9, date=1), limit("time", duration=8), limit("mem", amount=1)]
    assert next_due(limits, 100.0) == 108.0
