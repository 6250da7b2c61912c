"""Limits: the message for each mistake."""

import pytest

from core.errors import BadRequest
from schemas.event import check_event
from tests.schemas.event_data import REFERENCES, changed

P = "Malformed limit entry #1"


def check(*limits):
    entries = [{"enabled": False} | limit if isinstance(limit, dict) else limit for limit in limits]
    check_event(changed(limits=entries), REFERENCES)


@pytest.mark.parametrize(
    "limit",
    [
        {"type": "mem", "amount": 5, "duration": 0},
        {"type": "mem", "amount": 5},
        {"type": "cpu", "amount": 50.5, "duration": 5},
        {"type": "log", "amount": 0},
        {"type": "time", "duration": 5, "abort": True, "tags": ["x"]},
        {"type": "job", "amount": 1},
        {"type": "retry", "amount": 0},
        {"type": "retry", "amount": 5, "duration": 5, "backoff": 2},
        {"type": "queue", "amount": 0},
        {"type": "file", "amount": 5, "size": 5, "accept": ".jpg, .png"},
        {"type": "file"},
        {"type": "day", "condition": "continue", "amount": 5},
        {"type": "tag", "amount": 5},
    ],
)
def test_valid_limit(limit):
    check(limit | {"enabled": True})


@pytest.mark.parametrize(
    ("limit", "message"),
    [
        ([], f"{P} (not an object)"),
        ({"type": "job", "enabled": None}, f"{P}: Missing enabled flag"),
        ({"type": "x"}, f"{P}: Unknown type"),
        ({"type": {}}, f"{P}: Unknown type"),
        ({"type": "mem"}, f"{P}: Invalid memory amount (not a number)"),
        ({"type": "mem", "amount": 0}, f"{P}: Invalid memory amount (not a number)"),
        ({"type": "mem", "amount": "5"}, f"{P}: Invalid memory amount (not a number)"),
        (
            {"type": "mem", "amount": 5, "duration": "5"},
            f"{P}: Invalid memory duration (not a number)",
        ),
        ({"type": "cpu", "amount": True}, f"{P}: Invalid CPU amount (not a number)"),
        (
            {"type": "cpu", "amount": 5, "duration": []},
            f"{P}: Invalid CPU duration (not a number)",
        ),
        ({"type": "log"}, f"{P}: Invalid max log size (not a number)"),
        ({"type": "time"}, f"{P}: Invalid time timit (not a number)"),
        ({"type": "job", "amount": 0}, f"{P}: Invalid max jobs (must be a positive number)"),
        ({"type": "job", "amount": None}, f"{P}: Invalid max jobs (must be a positive number)"),
        (
            {"type": "retry", "amount": 1, "backoff": 0.5},
            f"{P}: Invalid retry backoff (must be a number from 1 to 1000)",
        ),
        (
            {"type": "retry", "amount": 1, "jitter": True},
            f"{P}: Invalid retry jitter (must be a number from 0 to 1)",
        ),
        (
            {"type": "retry", "amount": 1, "max_duration": "x"},
            f"{P}: Invalid max retry delay (not a number)",
        ),
        ({"type": "retry", "amount": "x"}, f"{P}: Invalid max retries (not a number)"),
        (
            {"type": "retry", "amount": 1, "duration": "x"},
            f"{P}: Invalid retry delay (not a number)",
        ),
        ({"type": "queue"}, f"{P}: Invalid max queue (not a number)"),
        ({"type": "file", "amount": "x"}, f"{P}: Invalid max files (not a number)"),
        ({"type": "file", "size": "x"}, f"{P}: Invalid max file size (not a number)"),
        ({"type": "file", "accept": 5}, f"{P}: Invalid file type list (not a string)"),
        (
            {"type": "file", "accept": "*.jpg"},
            f"{P}: Invalid file type list (contains illegal characters)",
        ),
        (
            {"type": "day", "condition": "never", "amount": 1},
            f"{P}: Invalid condition (unknown)",
        ),
        ({"type": "day", "condition": [], "amount": 1}, f"{P}: Invalid condition (unknown)"),
        (
            {"type": "day", "condition": "error"},
            f"{P}: Invalid max condition count (not a number)",
        ),
        ({"type": "tag", "amount": {}}, f"{P}: Invalid max tags (not a number)"),
    ],
)
def test_limit_message(limit, message):
    with pytest.raises(BadRequest) as caught:
        check(limit)
    assert caught.value.description == message


def test_a_queue_needs_a_concurrency_limit():
    job = {"type": "job", "enabled": True, "amount": 1}
    queue = {"type": "queue", "enabled": True, "amount": 5}
    check(queue, job)
    check(queue | {"enabled": False})
    check(queue | {"amount": 0})
    for limits in ([queue], [queue, job | {"enabled": False}]):
        with pytest.raises(BadRequest) as caught:
            check(*limits)
        assert caught.value.description == (
            "Limit Configuration: The 'Max Queue Limit' requires a 'Max Concurrent Jobs' limit "
            "to be present."
        )
