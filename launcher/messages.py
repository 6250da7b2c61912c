"""Lines of JSON that a job prints: which are protocol messages, and records of both kinds."""

from __future__ import annotations

import json
import time
from enum import Enum, auto


class Verdict(Enum):
    """What becomes of a well-formed line of JSON."""

    MESSAGE = auto()
    #: The job prints its own input back; neither a message nor log text.
    ECHO = auto()
    #: No protocol message: log text as it was written.
    TEXT = auto()


class MalformedMessageError(ValueError):
    """A line that looks like JSON and is none; the text says why, shortly."""


def judge(line: bytes) -> Verdict:
    """Say what a line that looks like a JSON object is.

    Bytes that are no UTF-8 count as replacement characters; that alone makes no line malformed.
    """
    message = _parse(line)
    if not isinstance(message, dict) or not _truthy(message.get("xy")):
        return Verdict.TEXT
    if _truthy(message.get("type")) or _truthy(message.get("state")):
        return Verdict.ECHO
    return Verdict.MESSAGE


def message_record(line: bytes) -> bytes:
    return b"M " + line.strip().decode("utf-8", "replace").encode() + b"\n"


def progress_record(fraction: float) -> bytes:
    return b"M " + json.dumps({"xy": 1, "progress": fraction}).encode() + b"\n"


def note_record(text: str) -> bytes:
    return b"N " + json.dumps({"at": time.time(), "msg": text}).encode() + b"\n"


def _parse(line: bytes) -> object:
    try:
        return json.loads(line.decode("utf-8", "replace"), parse_constant=_refuse_constant)
    except json.JSONDecodeError as error:
        # Some of the parser's texts end with "at" themselves.
        reason = error.msg.removesuffix(" at")
        raise MalformedMessageError(f"{reason} at character {error.pos}") from None
    except RecursionError:
        raise MalformedMessageError("nested too deeply") from None
    except MalformedMessageError:
        raise
    except ValueError:
        # The only other thing that the parser refuses.
        raise MalformedMessageError("a number has too many digits") from None


def _refuse_constant(name: str) -> object:
    raise MalformedMessageError(f"{name} is not JSON")


def _truthy(value: object) -> bool:
    """Truth as clients of the protocol know it: an empty list or object is true."""
    return value not in (None, False, 0, "")
