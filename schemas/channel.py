"""Channels: the parameters of their endpoints, and what a channel may be."""

from collections.abc import Mapping
from typing import Any

from core.errors import BadRequest
from schemas.actions import is_address_list
from schemas.catalogue import ChangedRecord, NewRecord
from schemas.checks import is_list_of, is_number, is_word
from schemas.wire import Anything, Number, RequestSchema, Text


class _Channel(RequestSchema):
    users = Anything(metadata={"description": "Names of users who get mail."})
    email = Text(metadata={"description": "Addresses that get mail, with commas between them."})
    web_hook = Text(metadata={"description": "The id of a web hook that is fired."})
    run_event = Text(metadata={"description": "The id of an event that is run."})
    sound = Text(metadata={"description": "The name of a sound, for clients that play it."})
    max_per_day = Number(metadata={"description": "How often it is used a day; 0: no limit."})


class CreateChannel(_Channel, NewRecord):
    """A new channel."""


class UpdateChannel(_Channel, ChangedRecord):
    """Changes of a channel."""


def check_channel(channel: Mapping[str, Any]) -> None:
    """Raise `BadRequest` for the first thing that nobody could be told with."""
    if not is_list_of(channel.get("users", []), lambda name: isinstance(name, str)):
        raise _malformed("users")
    if not is_address_list(channel.get("email", "")):
        raise _malformed("email")
    for key in ("web_hook", "run_event"):
        if channel.get(key) and not is_word(channel[key]):
            raise _malformed(key)
    most = channel.get("max_per_day", 0)
    if not is_number(most) or most < 0:
        raise _malformed("max_per_day")


def _malformed(key: str) -> BadRequest:
    return BadRequest(f"Malformed channel parameter: {key}")
