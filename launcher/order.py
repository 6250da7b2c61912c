"""What the engine asks for in a `launch` command, checked."""

from __future__ import annotations

import re

KILL_MODES = ("all", "parent", "none")

_ID = re.compile(r"[a-z0-9_]{1,64}")


class OrderError(ValueError):
    """A launch command that cannot be carried out as it is written."""


class Order:
    """One validated launch command; texts are kept as the bytes that the kernel gets."""

    def __init__(self, frame: dict[str, object]) -> None:
        self.launch = _id(frame, "launch")
        self.job = _id(frame, "job")
        self.argv = _argv(frame.get("argv"))
        self.script = _optional_text(frame, "script")
        if self.argv is None and self.script is None:
            raise OrderError("Neither argv nor script given")
        self.cwd = _optional_text(frame, "cwd")
        self.environment = _environment(frame.get("env"))
        self.stdin = _optional_text(frame, "stdin") or b""
        self.user = _account(frame, "uid")
        self.group = _account(frame, "gid")
        #: What must not be seen in what the job prints, the longest first.
        self.secrets = _secrets(frame.get("secrets"))
        self.shell = frame.get("shell") is True
        self.annotate = frame.get("annotate") is True
        self.kill = _kill(frame.get("kill"))


def _id(frame: dict[str, object], key: str) -> str:
    value = frame.get(key)
    if not isinstance(value, str) or _ID.fullmatch(value) is None:
        raise OrderError(f"Malformed {key} id")
    return value


def _encode(text: str) -> bytes:
    """Lone surrogates have no bytes; a question mark is what remains of them."""
    return text.encode("utf-8", "replace")


def _argv(value: object) -> list[bytes] | None:
    if value is None:
        return None
    if not isinstance(value, list) or not value:
        raise OrderError("argv is not a list of texts")
    if not all(isinstance(word, str) for word in value):
        raise OrderError("argv is not a list of texts")
    return [_encode(word) for word in value]


def _optional_text(frame: dict[str, object], key: str) -> bytes | None:
    value = frame.get(key)
    if value is None:
        return None
    if not isinstance(value, str):
        raise OrderError(f"{key} is not a text")
    return _encode(value)


def _environment(value: object) -> dict[bytes, bytes]:
    if not isinstance(value, dict):
        raise OrderError("env is not an object")
    if not all(isinstance(text, str) for text in value.values()):
        raise OrderError("env has a value that is not a text")
    return {_encode(name): _encode(text) for name, text in value.items()}


def _secrets(value: object) -> list[bytes]:
    if value is None:
        return []
    if not isinstance(value, list) or not all(isinstance(text, str) for text in value):
        raise OrderError("secrets is not a list of texts")
    return sorted({_encode(text) for text in value if text}, key=len, reverse=True)


def _kill(value: object) -> str:
    if not isinstance(value, str) or value not in KILL_MODES:
        raise OrderError("kill is not one of all, parent, none")
    return value


def _account(frame: dict[str, object], key: str) -> str:
    """A user or group by name or number; empty means the launcher's own."""
    value = frame.get(key)
    if value is None:
        return ""
    if isinstance(value, bool) or not isinstance(value, str | int):
        raise OrderError(f"{key} is neither a name nor a number")
    return str(value)
