"""Actions: which keys each type takes, and the API's words for what is wrong with them."""

import re
from collections.abc import Callable, Iterator, Mapping
from typing import Any

from marshmallow import ValidationError, validates_schema

from core.errors import BadRequest
from schemas.checks import (
    Check,
    Entry,
    check_entry,
    entries_of,
    is_list_of,
    is_word,
    missing_flag,
    optional,
    params_of,
    required,
    schema_of,
)
from schemas.parameters import check_names, check_values, defaults
from schemas.patterns import Budget
from schemas.references import References

_CONDITION = re.compile(
    r"start|complete|success|warning|error|user|critical|abort|tag:\w+|alert_new|alert_cleared",
    re.ASCII,
)
_ADDRESS = re.compile(r"[^\s@,<>]+@[^\s@,<>]+")
_MAX_ADDRESSES_CHARS = 10_000
_TICKET_TYPES = ("issue", "feature", "release", "change", "maintenance", "question", "other")


def _is_text(value: Any) -> bool:
    return isinstance(value, str)


def is_address_list(value: Any) -> bool:
    """Whether the value is empty, or e-mail addresses with commas between them."""
    if not isinstance(value, str) or len(value) > _MAX_ADDRESSES_CHARS:
        return False
    return not value or all(_ADDRESS.fullmatch(part.strip()) for part in value.split(","))


def _is_one_of(*words: str) -> Callable[[Any], bool]:
    return lambda value: isinstance(value, str) and value in words


class EmailAction(Entry):
    """Mail to users and addresses."""

    users = required(Check(lambda value: is_list_of(value, _is_text), ": Invalid user list."))
    email = optional(Check(is_address_list, ": Invalid email address."))

    @validates_schema(skip_on_field_errors=True)
    def check_recipients(self, data: Mapping[str, Any], **_: Any) -> None:
        """There must be somebody to write to."""
        if not data["users"] and not data.get("email"):
            raise ValidationError(": No email addresses provided.")


class WebHookAction(Entry):
    """A call of a web hook, which need not exist yet."""

    web_hook = required(Check(is_word, ": Invalid Web Hook ID."))


class RunEventAction(Entry):
    """A run of another event."""

    event_id = required(Check(is_word, ": Invalid Event ID."))


class ChannelAction(Entry):
    """A message to a notification channel."""

    channel_id = required(Check(is_word, ": Invalid Channel ID."))


class BucketAction(Entry):
    """Data or files that go into a bucket, or come from one."""

    bucket_id = required(Check(is_word, ": Invalid Bucket ID."))
    bucket_sync = required(
        Check(_is_one_of("data", "files", "data_and_files"), ": Invalid Bucket sync type.")
    )


class TicketAction(Entry):
    """A new ticket."""

    ticket_type = required(Check(_is_one_of(*_TICKET_TYPES), ": Invalid Ticket type."))
    ticket_assignees = optional(
        Check(lambda value: is_list_of(value, _is_text), ": Invalid Ticket assignees.")
    )
    ticket_tags = optional(
        Check(lambda value: is_list_of(value, _is_text), ": Invalid Ticket tag list.")
    )
    ticket_due = optional(Check(_is_text, ": Invalid Ticket due type."))


class TagAction(Entry):
    """Tags for the job."""

    tags = required(
        Check(lambda value: is_list_of(value, is_word), ": Invalid tag list."),
        Check(bool, ": No tags selected."),
    )


class LabelAction(Entry):
    """A label for the job."""

    label = required(
        Check(_is_text, ": Invalid label."),
        Check(
            lambda value: not re.search(r"[<>]", value) if isinstance(value, str) else True,
            ": Label contains invalid characters.",
        ),
        Check(
            lambda value: not isinstance(value, str) or bool(value.strip()),
            ": No label specified.",
        ),
    )


class PluginAction(Entry):
    """A command of an action plugin."""

    plugin_id = required(Check(is_word, ": Invalid Plugin ID."))


class PlainAction(Entry):
    """An action that needs no more than its type."""


#: The schemas by the actions' types.
SCHEMAS = {
    "email": EmailAction(),
    "web_hook": WebHookAction(),
    "run_event": RunEventAction(),
    "channel": ChannelAction(),
    "store": BucketAction(),
    "fetch": BucketAction(),
    "ticket": TicketAction(),
    "tag": TagAction(),
    "label": LabelAction(),
    "plugin": PluginAction(),
    "snapshot": PlainAction(),
    "suspend": PlainAction(),
    "disable": PlainAction(),
    "delete": PlainAction(),
}


def check_actions(event: Mapping[str, Any], references: References, budget: Budget) -> None:
    """Raise `BadRequest` for the first action that is wrong."""
    for prefix, action in _sound_entries(event):
        if action["type"] == "run_event":
            _check_run(action, prefix, references, budget)
        elif action["type"] == "plugin":
            _check_plugin(action, prefix, references, budget)


def check_action_shapes(event: Mapping[str, Any]) -> None:
    """The same, without a look at the records that actions name."""
    for _ in _sound_entries(event):
        pass


def _sound_entries(event: Mapping[str, Any]) -> Iterator[tuple[str, Mapping[str, Any]]]:
    """Each action once it is known to have the shape of its type, and how to speak of it."""
    for number, action in enumerate(entries_of(event, "actions"), 1):
        prefix = f"Malformed action entry #{number}"
        check_entry(prefix, schema_of(prefix, action, SCHEMAS, _flaw), action)
        yield prefix, action


def _flaw(action: Mapping[str, Any]) -> str | None:
    """What is wrong with an action of any type."""
    condition = action.get("condition")
    if isinstance(condition, str) and _CONDITION.fullmatch(condition):
        return missing_flag(action)
    return missing_flag(action) or ": Invalid condition"


def _check_run(
    action: Mapping[str, Any], prefix: str, references: References, budget: Budget
) -> None:
    event = references.event(action["event_id"])
    if event is None:
        raise BadRequest(f"{prefix}: Event not found: {action['event_id']}")
    values = params_of(action, prefix)
    check_names(values, f"{prefix} params")
    # What the action leaves out, the event that it runs fills in.
    filled = {name: value for _, name, value in defaults(event.get("fields"))}
    check_values(event.get("fields"), {**filled, **values}, f"{prefix}: ", budget)


def _check_plugin(
    action: Mapping[str, Any], prefix: str, references: References, budget: Budget
) -> None:
    plugin = references.plugin(action["plugin_id"])
    if plugin is None or plugin.get("type") != "action":
        raise BadRequest(f"{prefix}: Plugin not found: {action['plugin_id']}")
    check_values(plugin.get("params"), params_of(action, prefix), f"{prefix}: ", budget)
