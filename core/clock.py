"""The time of day: one place to read it, so that tests can set it."""

import time


def now() -> float:
    """The time as Unix seconds, rounded to milliseconds as the API shows it."""
    return round(time.time(), 3)
