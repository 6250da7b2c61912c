"""Importing crontabs: an event for each line that can be translated."""

import shlex
from collections.abc import Mapping
from dataclasses import asdict
from typing import Any

from core.aside import aside
from core.crontabs import Entry, Problem, parse
from core.errors import ApiError, BadRequest
from services import events
from services.access import Caller
from services.macros import has_macro

Document = dict[str, Any]

_MOST_TITLE_CHARS = 100
#: Variables that are for cron itself, or that every job has anyway.
_CRONS_OWN = ("CRON_TZ", "MAILTO", "MAILFROM", "SHELL", "LOGNAME", "USER")
#: What an event of a crontab is unless somebody wishes otherwise.
_DEFAULTS = {"enabled": True, "category": "general", "targets": ["main"], "algo": "random"}


def run(
    text: str, wishes: Mapping[str, Any], caller: Caller, *, is_trial: bool
) -> tuple[list[Document], list[Document]]:
    """The events that were made, or in a trial would be; and the lines that were left out.

    `wishes` are keys of all events, such as `category`. Raises `Forbidden` before any is made.
    """
    made: list[Document] = []
    problems: list[Document] = []
    for item in aside(_items, text):
        if isinstance(item, Problem):
            problems.append(asdict(item))
            continue
        try:
            _check_braces(item)
            made.append(events.validate_new(_event(item, wishes)))
        except ApiError as error:
            problems.append(asdict(Problem(item.line, item.command, error.description)))
    for event in made:
        caller.check(event)
    return made if is_trial else [events.create(event, caller) for event in made], problems


def _items(text: str) -> list[Entry | Problem]:
    return list(parse(text))


def _check_braces(entry: Entry) -> None:
    if has_macro(_script(entry)):
        raise BadRequest("Jobs would take what stands in {{ }} for a macro")


def _event(entry: Entry, wishes: Mapping[str, Any]) -> Document:
    receiver = entry.variables.get("MAILTO")
    mail = {"enabled": True, "type": "email", "condition": "error", "users": [], "email": receiver}
    return {
        **_DEFAULTS,
        **wishes,
        "title": entry.command[:_MOST_TITLE_CHARS],
        "plugin": "shellplug",
        "params": {"script": _script(entry)},
        "triggers": [*entry.triggers, {"enabled": True, "type": "manual"}],
        "actions": [mail] if receiver else [],
    }


def _script(entry: Entry) -> str:
    """The command as cron would run it: in the home folder, with the crontab's variables."""
    shell = entry.variables.get("SHELL", "/bin/sh")
    exports = [
        f"export {name}={shlex.quote(value)}"
        for name, value in entry.variables.items()
        if name not in _CRONS_OWN
    ]
    return "\n".join([f"#!{shell}", *exports, 'cd "$HOME" || exit', entry.command, ""])
