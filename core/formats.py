"""How durations and sizes read in messages for people."""

_TIME_UNITS = ((86400, "day"), (3600, "hour"), (60, "minute"), (1, "second"))
_SIZE_UNITS = ("K", "MB", "GB", "TB")


def duration_text(seconds: float, *, parts: int = 2) -> str:
    """`90` as `1 minute, 30 seconds`: the largest unit, and the next one where it is not zero."""
    rest = max(0, int(seconds))
    for index, (unit_seconds, name) in enumerate(_TIME_UNITS):
        if rest >= unit_seconds or unit_seconds == 1:
            words = [_count(rest // unit_seconds, name)]
            if parts > 1 and unit_seconds > 1:
                next_seconds, next_name = _TIME_UNITS[index + 1]
                if smaller := rest % unit_seconds // next_seconds:
                    words.append(_count(smaller, next_name))
            return ", ".join(words)
    raise AssertionError("unreachable: the last unit always fits")


def size_text(size_bytes: float) -> str:
    """`1434` as `1.4 K`: 1024 steps, one decimal, cut off and not rounded."""
    if size_bytes < 1024:
        return _count(int(size_bytes), "byte")
    value = size_bytes / 1024
    for unit in _SIZE_UNITS:
        if value < 1024 or unit == _SIZE_UNITS[-1]:
            return f"{int(value * 10) / 10:g} {unit}"
        value /= 1024
    raise AssertionError("unreachable: the last unit always fits")


def _count(number: int, noun: str) -> str:
    return f"{number} {noun}" if number == 1 else f"{number} {noun}s"
