"""What a reply has to be: the members that matter, and what may stand for new values."""

import re

_KINDS = {
    "<string>": str,
    "<number>": (int, float),
    "<array>": list,
    "<object>": dict,
    "<boolean>": bool,
}
#: The value of a member that must not be there.
ABSENT = "<absent>"


def differences(want, got, path="reply"):
    """What is wrong with `got`, one line for each place; members that `want` doesn't name are free.

    In a text, `*` stands for anything; `<string>` and its like for any value of that type.
    """
    if isinstance(want, str):
        return [] if _matches(want, got) else [_line(path, want, got)]
    if isinstance(want, dict) and isinstance(got, dict):
        return [
            line
            for key, value in want.items()
            for line in _member_differences(key, value, got, f"{path}.{key}")
        ]
    if isinstance(want, list) and isinstance(got, list) and len(want) == len(got):
        pairs = enumerate(zip(want, got, strict=True))
        return [line for at, pair in pairs for line in differences(*pair, f"{path}[{at}]")]
    same = want == got and isinstance(want, bool) == isinstance(got, bool)
    return [] if same else [_line(path, want, got)]


def _member_differences(key, want, got, path):
    if want == ABSENT:
        return [f"{path} must not be there"] if key in got else []
    return differences(want, got[key], path) if key in got else [f"{path} is missing"]


def _matches(want, got):
    if want in _KINDS:
        return isinstance(got, _KINDS[want]) and (want == "<boolean>" or not isinstance(got, bool))
    if not isinstance(got, str):
        return False
    return re.fullmatch(".*".join(map(re.escape, want.split("*"))), got, re.DOTALL) is not None


def _line(path, want, got):
    return f"{path}: {want!r} expected, got {got!r}"[:2000]
