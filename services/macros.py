"""Macros: `{{ expression }}` in texts, replaced by values of the job."""

import re
from collections.abc import Container, Iterable, Iterator, Mapping
from typing import Any

from core import json
from core.aside import aside
from core.expressions import (
    MAX_CHARS,
    UNDEFINED,
    Budget,
    ExpressionError,
    compile_expression,
    text_of,
)

Document = dict[str, Any]

_OPEN, _CLOSE = "{{", "}}"
#: A character of a text in JSON that its backslash takes the meaning from.
_ESCAPED = re.compile(r"\\.")
#: What a macro's value brings in may hold macros again, so often.
_MOST_PASSES = 31
#: What compiling a character of an expression costs, in steps.
_STEPS_PER_CHAR = 5
#: As many characters are looked through in one step.
_CHARS_PER_STEP = 256


class Macros:
    """Replaces the macros of one job; what they may cost is shared by all of them."""

    def __init__(
        self, values: Mapping[str, Any], undefined: str = "", passes: int = _MOST_PASSES
    ) -> None:
        self._values = values
        #: What stands for a value that is not there.
        self._undefined = undefined
        self._passes = passes
        self._budget = Budget()

    def expand(self, text: str) -> str:
        """The text with its macros replaced, until none is left.

        A macro that fails is replaced by its error. Once macros have cost too much, those that
        are left stay as they are. Texts of more than `MAX_CHARS` are left alone.
        """
        if len(text) > MAX_CHARS:
            return text
        for _ in range(self._passes):
            if not has_macro(text) or not self._may_look_through(text):
                break
            before, text = text, "".join(self._pieces(text))
            if len(text) > MAX_CHARS:
                return _error("Result is too long")
            if text == before:
                break
        return text

    def expand_body(self, text: str) -> str:
        """The text with its macros replaced once; JSON stays JSON, whatever the values hold."""
        places = list(_places(text))
        if not places or len(text) > MAX_CHARS or not _is_json(text, places):
            return self.expand(text)
        pieces, done, is_inside = [], 0, False
        for start, end in places:
            pieces.append(text[done:start])
            is_inside ^= _ESCAPED.sub("", text[done:start]).count('"') % 2 == 1
            value = self.expand(text[start:end])
            pieces.append(json.dumps(value)[1:-1] if is_inside else _as_json(value))
            done = end
        return "".join([*pieces, text[done:]])

    def _may_look_through(self, text: str) -> bool:
        """Pay for one more look at a text; false when there is nothing left to pay with."""
        try:
            self._budget.spend(len(text) // _CHARS_PER_STEP)
        except ExpressionError:
            return False
        return True

    def _pieces(self, text: str) -> Iterator[str]:
        """The text's parts, each macro replaced once."""
        done = 0
        for start, end in _places(text):
            if self._budget.is_spent:
                break
            yield text[done:start]
            yield self._value(text[start + len(_OPEN) : end - len(_CLOSE)].strip())
            done = end
        yield text[done:]

    def _value(self, source: str) -> str:
        try:
            self._budget.spend(_STEPS_PER_CHAR * len(source))
            value = compile_expression(source).evaluate(self._values, self._budget)
            text = self._undefined if value is UNDEFINED else text_of(value, self._budget)
            self._budget.make(len(text))
            return text
        except ExpressionError as error:
            return _error(str(error))


def _error(reason: str) -> str:
    return f"(ERROR: {reason})"


def has_macro(value: Any) -> bool:
    """Whether a value is a text in which something looks like a macro."""
    return isinstance(value, str) and _OPEN in value and _CLOSE in value


def _is_json(text: str, places: Iterable[tuple[int, int]]) -> bool:
    """Whether a text would be an object or array of JSON if each of its macros were a number."""
    done, pieces = 0, []
    for start, end in places:
        pieces += [text[done:start], "0"]
        done = end
    try:
        return isinstance(json.loads("".join([*pieces, text[done:]])), (dict, list))
    except ValueError:
        return False


def _as_json(value: str) -> str:
    """A macro's value outside of quotes: what it is, if that is JSON, otherwise a text."""
    try:
        json.loads(value)
    except ValueError:
        return json.dumps(value)
    return value


def _places(text: str) -> Iterator[tuple[int, int]]:
    """Where macros begin and end: the first opening on a line before each closing.

    Looks for the closing first, so that the time it takes only grows with the text.
    """
    done = 0
    while (close := text.find(_CLOSE, done)) >= 0:
        line = text.rfind("\n", done, close) + 1
        start = text.find(_OPEN, max(done, line), close)
        done = close + len(_CLOSE)
        if 0 <= start < close - len(_OPEN):
            yield start, done


def expanded(
    job: Document,
    job_input: Mapping[str, Any] | None,
    only: Container[str] | None = None,
) -> Document:
    """The job with the macros in its command and in its parameters, or `only` some, replaced.

    Only texts have macros, not those inside of objects. Parameters of the event's fields come
    first; what was replaced already is what later ones see.
    """
    params = job["params"]
    names = [name for name in _in_order(job) if only is None or name in only]
    texts = [name for name in names if has_macro(params[name])]
    if not texts and not has_macro(job.get("command")):
        return job
    return aside(_expanded, job, job_input or {}, texts)


def _expanded(job: Document, job_input: Mapping[str, Any], names: list[str]) -> Document:
    params = dict(job["params"])
    inputs = {key: job_input[key] for key in ("data", "files") if key in job_input}
    values = {**job, "input": job_input, **inputs, "params": params}
    macros = Macros(values)
    command = job.get("command")
    changed = {"command": macros.expand(command)} if isinstance(command, str) else {}
    for name in names:
        params[name] = macros.expand(params[name])
    return {**job, **changed, "params": params}


def _in_order(job: Mapping[str, Any]) -> list[str]:
    """The names of all parameters, those of fields first."""
    fields = job.get("fields")
    ids = [
        field["id"]
        for field in (fields if isinstance(fields, list) else [])
        if isinstance(field, dict) and isinstance(field.get("id"), str)
    ]
    params = job["params"]
    return [name for name in dict.fromkeys([*ids, *params]) if name in params]
