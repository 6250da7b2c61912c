"""Passwords: hashed slowly and with much memory, beside the event loop and few at a time."""

import threading
from functools import cache

from werkzeug.security import check_password_hash, generate_password_hash

from core.aside import aside
from core.ids import random_name

#: Each takes 32 MiB and a tenth of a second of a processor.
_AT_A_TIME = threading.BoundedSemaphore(2)


def hashed(password: str) -> str:
    """What is stored of a password: method, salt and hash."""
    with _AT_A_TIME:
        return str(aside(generate_password_hash, password))


def fits(password: str, stored: str | None) -> bool:
    """Whether a password is the one of this hash; without a hash it takes as long to say no."""
    nobodys = _nobodys()
    with _AT_A_TIME:
        is_right = bool(aside(check_password_hash, stored or nobodys, password))
    return is_right and stored is not None


@cache
def _nobodys() -> str:
    """A hash that no password fits."""
    return hashed(random_name())
