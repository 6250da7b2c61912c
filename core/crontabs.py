"""Crontabs: their lines as schedules, and what can't be said of them in other words."""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

Document = dict[str, Any]

_VARIABLE = re.compile(r"\s*(['\"]?)([A-Za-z_]\w*)\1\s*=\s*(.*)", re.ASCII)
_MONTHS = ("jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec")
_WEEKDAYS = ("sun", "mon", "tue", "wed", "thu", "fri", "sat")
#: What crontabs call a zone that is called otherwise here.
_ZONES = {"UTC": "Etc/UTC"}
_MACROS = {
    "@yearly": "0 0 1 1 *",
    "@annually": "0 0 1 1 *",
    "@monthly": "0 0 1 * *",
    "@weekly": "0 0 * * 0",
    "@daily": "0 0 * * *",
    "@midnight": "0 0 * * *",
    "@hourly": "0 * * * *",
}


class CrontabError(ValueError):
    """A line can't be translated; the message says why."""


@dataclass(frozen=True)
class Entry:
    """One command, when it runs, and the variables that stand before it."""

    line: int
    triggers: list[Document]
    command: str
    variables: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Problem:
    """A line that was left out, and why."""

    line: int
    text: str
    reason: str


@dataclass(frozen=True)
class _Field:
    """One of the five fields: where its numbers begin and end, and their names."""

    key: str
    first: int
    last: int
    names: tuple[str, ...] = ()
    #: What the first name stands for.
    base: int = 0


_MINUTES = _Field("minutes", 0, 59)
_HOURS = _Field("hours", 0, 23)
_DAYS = _Field("days", 1, 31)
_MONTHS_FIELD = _Field("months", 1, 12, _MONTHS, 1)
#: 7 is Sunday once more.
_WEEKDAYS_FIELD = _Field("weekdays", 0, 7, _WEEKDAYS)
_FIELDS = (_MINUTES, _HOURS, _DAYS, _MONTHS_FIELD, _WEEKDAYS_FIELD)


def parse(text: str) -> Iterator[Entry | Problem]:
    """The entries of a crontab in their order, and the lines that are none of the known kinds."""
    variables: dict[str, str] = {}
    for number, line in enumerate(text.split("\n"), 1):
        stripped = line.strip()
        if not stripped or stripped.startswith("#"):
            continue
        setting = _VARIABLE.fullmatch(stripped)
        try:
            if setting:
                _set(variables, setting[2], _unquoted(setting[3]))
            else:
                yield _entry(number, stripped, dict(variables))
        except CrontabError as error:
            yield Problem(number, stripped, str(error))


def _set(variables: dict[str, str], name: str, value: str) -> None:
    if name == "MAILTO" and value and "@" not in value:
        variables.pop(name, None)
        raise CrontabError("Mail needs an address: what follows sends none")
    variables[name] = value


def _unquoted(text: str) -> str:
    is_quoted = len(text) > 1 and text[0] == text[-1] and text[0] in "'\""
    return text[1:-1] if is_quoted else text


def _entry(number: int, line: str, variables: Mapping[str, str]) -> Entry:
    timezone = variables.get("CRON_TZ", "")
    timezone = _ZONES.get(timezone, timezone)
    if line.startswith("@"):
        name, command = [*line.split(None, 1), ""][:2]
        fields = _MACROS.get(name.lower(), "")
        if name.lower() == "@reboot":
            triggers = [{"enabled": True, "type": "startup"}]
        elif fields:
            triggers = schedules(fields.split(), timezone)
        else:
            raise CrontabError(f"Unknown name: {name}")
    else:
        *fields_, command = [*line.split(None, 5), *[""] * 6][:6]
        triggers = schedules(fields_, timezone)
    return Entry(number, triggers, _command(command), variables)


def _command(text: str) -> str:
    """A command as a shell reads it: an escaped percent sign is one."""
    if re.search(r"(?<!\\)%", text):
        raise CrontabError("Input after a percent sign has no counterpart")
    if not text.strip():
        raise CrontabError("There is no command")
    return text.strip().replace("\\%", "%")


def schedules(fields: list[str], timezone: str = "") -> list[Document]:
    """The triggers that mean the same as five fields; raises `CrontabError`.

    Of a day of the month and a weekday cron takes either: that takes two triggers, which never
    mean the same day.
    """
    lists = {known.key: _numbers(known, text) for known, text in zip(_FIELDS, fields, strict=True)}
    days, weekdays = lists.pop("days"), sorted({day % 7 for day in lists.pop("weekdays")})
    common: Document = {key: values for key, values in lists.items() if values}
    if timezone:
        common["timezone"] = timezone
    if not fields[1].startswith("*"):
        # As cron has it: what is due at an hour is neither skipped nor doubled by its change.
        common["dst"] = "once"
    is_either = not fields[2].startswith("*") and not fields[4].startswith("*")
    if not is_either:
        return [_schedule(common, days, weekdays)]
    others = [day for day in range(1, 32) if day not in days]
    found = [_schedule(common, days, [])]
    return [*found, _schedule(common, others, weekdays)] if others else found


def _schedule(common: Document, days: list[int], weekdays: list[int]) -> Document:
    chosen = {key: values for key, values in (("days", days), ("weekdays", weekdays)) if values}
    return {"enabled": True, "type": "schedule", **common, **chosen}


def _numbers(known: _Field, text: str) -> list[int]:
    """The numbers of a field in order; none where any is meant."""
    if text == "*":
        return []
    return sorted({number for part in text.split(",") for number in _part(known, part)})


def _part(known: _Field, text: str) -> range:
    span, slash, step_text = text.partition("/")
    step = _number(step_text, 1, known) if slash else 1
    if span == "*":
        # 7 is 0 again: counting steps must not reach it.
        last = 6 if known is _WEEKDAYS_FIELD else known.last
        return range(known.first, last + 1, step)
    first_text, dash, last_text = span.partition("-")
    first = _number(first_text, known.first, known)
    last = _number(last_text, first, known) if dash else known.last if slash else first
    return range(first, last + 1, step)


def _number(text: str, least: int, known: _Field) -> int:
    name = text.lower()
    if name in known.names:
        return known.names.index(name) + known.base
    if not text.isascii() or not text.isdecimal() or not least <= int(text[:9]) <= known.last:
        raise CrontabError(f"Malformed {known.key}: {text or 'empty'}")
    return int(text)
