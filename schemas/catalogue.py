"""Categories, tags, plugins and groups: the parameters of their endpoints, and what they may be."""

import re
from collections.abc import Mapping
from typing import Any

from core.errors import BadRequest
from core.javascript import is_truthy, to_string
from schemas.checks import MAX_ENTRIES
from schemas.fields import check_fields
from schemas.patterns import Budget, PatternError
from schemas.wire import (
    Anything,
    Id,
    IdRequest,
    Number,
    Parameters,
    Pattern,
    RequestSchema,
    Switch,
    Text,
    Title,
)

#: Ids are named in columns of events, and lists of them.
_MAX_ITEMS = 1000
_MAX_COMMAND_CHARS = 10_000
_PLUGIN_TYPES = ("event", "action", "scheduler")
_KILLS = ("", "none", "parent", "all")
_RETENTION_KEYS = ("jobs", "seconds", "bytes")
_MOST_KEPT = 2**53
_MAX_VARIABLES = 1000
_VARIABLE = re.compile(r"[A-Za-z_]\w*", re.ASCII)


class RecordId(IdRequest):
    """An endpoint that needs nothing but a record's id."""


class Record(RequestSchema):
    """What all these records have; keys that are not named are stored as they are sent."""

    id = Id(metadata={"description": "The record's id; made up when a new one has none."})
    title = Title(metadata={"description": "What people call it."})
    enabled = Switch(metadata={"description": "Whether it may be used."})
    icon = Text(metadata={"description": "The name of an icon."})
    notes = Text(metadata={"description": "For people."})
    sort_order = Number(metadata={"description": "Its place in lists."})
    revision = Anything(metadata={"description": "Refuse the change unless it is still this one."})

    def parse(self, values: Parameters) -> Parameters:
        """All parameters as one document."""
        super().parse(values)
        return {"params": {key: value for key, value in values.items() if value is not None}}


class NewRecord(Record):
    """A record that must have a title."""

    title = Title(required=True, metadata={"description": "What people call it."})


class ChangedRecord(Record):
    """Which record; every other parameter is a key to set."""

    id = Id(required=True, metadata={"description": "The record's id."})


class _Category(RequestSchema):
    color = Text(metadata={"description": "The name of a colour."})
    limits = Anything(metadata={"description": "Limits that jobs of its events get."})
    actions = Anything(metadata={"description": "Actions that jobs of its events get."})
    retention = Anything(
        metadata={
            "description": "How many of its finished `jobs` are kept, for how many `seconds`, and "
            "how many `bytes` of them; 0: no limit."
        }
    )


class CreateCategory(_Category, NewRecord):
    """A new category."""


class UpdateCategory(_Category, ChangedRecord):
    """Changes of a category."""


class _Group(RequestSchema):
    hostname_match = Text(metadata={"description": "Hosts that belong to it: a pattern."})


class CreateGroup(_Group, NewRecord):
    """A new group."""


class UpdateGroup(_Group, ChangedRecord):
    """Changes of a group."""


class _Plugin(RequestSchema):
    type = Pattern(r"^\w+\Z", metadata={"description": "`event`, `action` or `scheduler`."})
    command = Pattern(r"\S", metadata={"description": "The command line that is run."})
    script = Text(metadata={"description": "What the command reads as a file, if anything."})
    kill = Text(metadata={"description": "What an abort kills: `none`, `parent`, `all`."})
    runner = Switch(metadata={"description": "Whether it runs jobs elsewhere."})
    uid = Text(metadata={"description": "The user to run as; only where the server is root."})
    gid = Text(metadata={"description": "The group to run as; only where the server is root."})
    cwd = Text(metadata={"description": "Where it starts: a whole path; empty: a fresh folder."})
    env = Anything(metadata={"description": "An object of variables that its processes get."})
    params = Anything(metadata={"description": "Definitions of its parameters."})


class CreatePlugin(_Plugin, NewRecord):
    """A new plugin."""

    type = Pattern(r"^\w+\Z", required=True, metadata={"description": "`event` or others."})
    command = Pattern(r"\S", required=True, metadata={"description": "The command line."})


class UpdatePlugin(_Plugin, ChangedRecord):
    """Changes of a plugin."""


class _Many(RequestSchema):
    """Changes of several records of one kind."""

    #: What each item may be.
    item: ChangedRecord

    items = Anything(
        load_default=(), metadata={"description": "Objects with an `id` and the keys to set."}
    )

    def parse(self, values: Parameters) -> Parameters:
        """The items, each checked as if it came alone."""
        items = super().parse(values)["items"] or ()
        if not isinstance(items, (list, tuple)) or len(items) > _MAX_ITEMS:
            raise BadRequest("Malformed parameter: items")
        if not all(isinstance(item, dict) for item in items):
            raise BadRequest("Malformed parameter: items")
        return {"items": [self.item.parse(item)["params"] for item in items]}


class UpdateCategories(_Many):
    """Changes of several categories."""

    item = UpdateCategory()


class UpdateGroups(_Many):
    """Changes of several groups."""

    item = UpdateGroup()


def check_group(group: Mapping[str, Any]) -> None:
    """Raise `BadRequest` where the pattern of a group is none."""
    pattern = group.get("hostname_match")
    if not is_truthy(pattern):
        return
    try:
        Budget().compile(pattern)
    except PatternError as error:
        text = f"Malformed group parameter: hostname_match (Invalid regular expression: {error})"
        raise BadRequest(text) from None


def check_retention(category: Mapping[str, Any]) -> None:
    """Raise `BadRequest` where what is to be kept of a category's jobs makes no sense."""
    rule = category.get("retention", {})
    if not isinstance(rule, dict):
        raise BadRequest("Malformed category parameter: retention (must be an object)")
    for key, value in rule.items():
        if key not in _RETENTION_KEYS:
            shown = to_string(key)[:100]
            raise BadRequest(f"Malformed category parameter: retention (unknown: {shown})")
        if type(value) is not int or not 0 <= value <= _MOST_KEPT:
            raise BadRequest(f"Malformed category parameter: retention.{key} (no whole number)")


def check_plugin(plugin: Mapping[str, Any]) -> None:
    """Raise `BadRequest` for the first thing that the engine could not start a plugin with."""
    _check_word(plugin, "type", _PLUGIN_TYPES)
    _check_word(plugin, "kill", _KILLS)
    _check_launch(plugin)
    params = plugin.get("params", [])
    if not isinstance(params, list) or len(params) > MAX_ENTRIES:
        raise BadRequest("Malformed plugin parameter: params (must be array)")
    check_fields({"fields": params}, [], Budget())


def _check_word(plugin: Mapping[str, Any], key: str, words: tuple[str, ...]) -> None:
    if plugin.get(key, words[0]) not in words:
        shown = to_string(plugin.get(key))[:100]
        raise BadRequest(f"Malformed plugin parameter: {key} (unknown: {shown})")


def _check_launch(plugin: Mapping[str, Any]) -> None:
    command = plugin.get("command")
    if not isinstance(command, str) or not command.strip() or len(command) > _MAX_COMMAND_CHARS:
        raise BadRequest("Malformed plugin parameter: command")
    for key in ("command", "script", "uid", "gid", "cwd"):
        # No process can be started with it.
        if "\0" in str(plugin.get(key, "")):
            raise BadRequest(f"Malformed plugin parameter: {key}")
    cwd = plugin.get("cwd") or ""
    if not isinstance(cwd, str) or (cwd and not cwd.startswith("/")):
        raise BadRequest("Malformed plugin parameter: cwd (must be a whole path)")
    if not _are_variables(plugin.get("env") or {}):
        raise BadRequest("Malformed plugin parameter: env (must be an object of texts)")


def _are_variables(env: Any) -> bool:
    """Whether this names variables and gives each a value that it can have."""
    if not isinstance(env, dict) or len(env) > _MAX_VARIABLES:
        return False
    return all(
        _VARIABLE.fullmatch(name)
        and isinstance(value, str | int | float)
        and "\0" not in str(value)
        for name, value in env.items()
    )
