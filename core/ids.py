"""Identifiers: short ids that sort roughly by time, and random names."""

import itertools
import random
import secrets
import time

_ALPHABET = "0123456789abcdefghijklmnopqrstuvwxyz"
_LENGTH = 16
_ROLLING = 36 * 36
_counter = itertools.count(secrets.randbelow(_ROLLING))


def base36(number: int) -> str:
    """`number` in base 36, lower case."""
    digits = ""
    while True:
        number, rest = divmod(number, 36)
        digits = _ALPHABET[rest] + digits
        if number == 0:
            return digits


def new_id(prefix: str) -> str:
    """A new id of 16 characters: prefix, milliseconds, a rolling counter and random padding."""
    body = prefix + base36(time.time_ns() // 1_000_000) + base36(next(_counter) % _ROLLING)
    # Ids are no secrets, so the quick generator does.
    return body + "".join(random.choices(_ALPHABET, k=_LENGTH - len(body)))  # noqa: S311


def random_name() -> str:
    """43 random URL-safe characters: long enough to be a secret."""
    return secrets.token_urlsafe(32)
