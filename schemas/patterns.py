"""Regular expressions that users wrote: run so that no pattern can stop the server.

RE2 matches in linear time and compiles in bounded memory, whatever the pattern; backtracking
engines do neither. The price is that lookaround and backreferences are not supported.
"""

import time

import re2  # type: ignore[import-untyped]

#: The longest pattern, and the longest value that is tested with one, in characters.
MAX_PATTERN_CHARS = 1000
MAX_VALUE_CHARS = 4096

_OPTIONS = re2.Options()
_OPTIONS.log_errors = False
_OPTIONS.max_mem = 1024 * 1024


class PatternError(ValueError):
    """A pattern can't be used; the message says why."""


class Budget:
    """Processor time for the patterns of one request: many costly ones must not add up."""

    def __init__(self, seconds: float = 0.1) -> None:
        self._left_seconds = seconds

    def compile(self, pattern: object) -> "re2._Regexp":
        """The compiled pattern; raises `PatternError`."""
        if not isinstance(pattern, str):
            raise PatternError("not a string")
        if len(pattern) > MAX_PATTERN_CHARS:
            raise PatternError(f"longer than {MAX_PATTERN_CHARS} characters")
        started = self._start()
        try:
            return re2.compile(pattern, options=_OPTIONS)
        except re2.error as error:
            raise PatternError(_reason(error)) from None
        except UnicodeEncodeError:
            raise PatternError("invalid Unicode") from None
        finally:
            self._stop(started)

    def matches(self, pattern: object, value: str) -> bool:
        """Whether the pattern is found in `value`; false for what can't be tested."""
        if len(value) > MAX_VALUE_CHARS:
            return False
        try:
            compiled = self.compile(pattern)
            started = self._start()
        except PatternError:
            return False
        try:
            return compiled.search(value) is not None
        except UnicodeEncodeError:
            return False
        finally:
            self._stop(started)

    def _start(self) -> float:
        if self._left_seconds <= 0:
            raise PatternError("the request's patterns take too long")
        return time.thread_time()

    def _stop(self, started: float) -> None:
        self._left_seconds -= time.thread_time() - started


def _reason(error: Exception) -> str:
    """RE2's complaint, which it raises as bytes."""
    reason = error.args[0] if error.args else ""
    return reason.decode("utf-8", "replace") if isinstance(reason, bytes) else str(reason)
