"""How long a retry waits."""

import pytest

from engine.retries import delay_seconds


@pytest.mark.parametrize(
    ("limit", "count", "chance", "seconds"),
    [
        ({}, 0, 0.5, 0),
        ({"duration": 10}, 0, 0.5, 10),
        ({"duration": 10}, 7, 0.5, 10),
        ({"duration": 10, "backoff": 2}, 0, 0.5, 10),
        ({"duration": 10, "backoff": 2}, 3, 0.5, 80),
        ({"duration": 10, "backoff": 2, "max_duration": 60}, 3, 0.5, 60),
        ({"duration": 10, "jitter": 0.5}, 0, 0.0, 10),
        ({"duration": 10, "jitter": 0.5}, 0, 1.0, 5),
        ({"duration": 10, "backoff": None, "max_duration": None, "jitter": None}, 1, 0.5, 10),
        ({"duration": 1, "backoff": 1000}, 10_000, 0.0, 1e8),
        ({"duration": 1e300}, 0, 0.0, 1e8),
    ],
)
def test_the_delay(limit, count, chance, seconds):
    assert delay_seconds(limit, count, chance) == seconds
