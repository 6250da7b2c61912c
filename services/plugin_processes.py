"""Processes of plugins that are run beside jobs: for actions and for triggers."""

import string
from collections.abc import Mapping
from typing import Any

from core.config import Settings
from core.version import API_VERSION
from models.database import db
from models.plugin import Plugin
from schemas.parameters import defaults, ids, locked_ids
from services.errand import Process
from services.process_environment import fitting, inherited, named, text_of, user

Document = dict[str, Any]


class UnreadyError(Exception):
    """A plugin can't be run; the message says why."""


def ready(plugin_id: str, kind: str) -> Document:
    """The plugin of this type with this id; raises `UnreadyError`."""
    plugin = db.read(lambda connection: Plugin.get(connection, plugin_id))
    if plugin is None or plugin.get("type") != kind:
        raise UnreadyError("Plugin not found")
    if not plugin.get("enabled", True):
        raise UnreadyError("Plugin is disabled")
    return plugin


def params_of(given: Any, plugin: Document) -> Document:
    """Parameters as they were given; what they leave out, and what is locked, is the plugin's."""
    own = {name: value for _, name, value in defaults(plugin.get("params"))}
    locked = set(locked_ids(plugin.get("params")))
    chosen = given.items() if isinstance(given, dict) else ()
    return own | {name: value for name, value in chosen if name not in locked}


def process_of(
    plugin: Document, stdin: str, environment: Mapping[str, str], seconds: float, secrets: Document
) -> Process:
    """The process that a plugin describes."""
    script = plugin.get("script")
    # A shell reads the command. Where there is a script its path is the first argument.
    command = f'{plugin["command"]} "$@"' if script else plugin["command"]
    return Process(
        argv=["/bin/sh", "-c", command, "sh"],
        script=f"{script}\n" if script else None,
        environment=environment,
        stdin=stdin,
        secrets=tuple(secrets.values()),
        cwd=plugin.get("cwd") or "",
        user=str(plugin.get("uid") or ""),
        group=str(plugin.get("gid") or ""),
        seconds=seconds,
    )


def variables(
    plugin: Document,
    params: Document,
    own: Mapping[str, str],
    secrets: Mapping[str, str],
    settings: Settings,
) -> tuple[dict[str, str], list[str]]:
    """A process's environment, and the names of the variables that don't fit into it.

    Those of parameters come last, and only of parameters that the plugin knows: who may write
    events must not be able to set `PATH` for a program of an administrator.
    """
    found = {
        **inherited(),
        **named("", plugin.get("env")),
        **secrets,
        "XYOPS": API_VERSION,
        "XYOPS_BASE_URL": settings["BASE_URL"],
        **own,
        **user(str(plugin.get("uid") or "")),
    }
    known = [name for name in ids(plugin.get("params")) if name in params]
    wanted = {name: _expanded(params[name], found) for name in known}
    return fitting(found | named("", wanted))


def _expanded(value: Any, environment: Mapping[str, str]) -> str:
    """A parameter as text, with variables in it replaced."""
    return string.Template(text_of(value)).safe_substitute(environment)
