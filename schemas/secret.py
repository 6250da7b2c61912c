"""Secrets: the parameters of their endpoints, and what a secret may be."""

import re
from collections.abc import Mapping
from typing import Any

from core.errors import BadRequest
from schemas.catalogue import ChangedRecord, NewRecord
from schemas.checks import is_list_of
from schemas.wire import Anything, RequestSchema

#: The kinds of records that secrets are assigned to, as their keys are called.
OWNERS = ("events", "categories", "plugins", "web_hooks")
_NAME = re.compile(r"[A-Za-z_]\w{0,255}", re.ASCII)
_MOST_FIELDS = 100
_MOST_CHARS = 1024 * 1024


class _Secret(RequestSchema):
    fields_ = Anything(
        data_key="fields", metadata={"description": "Objects with `name` and `value`: the values."}
    )
    events = Anything(metadata={"description": "Ids of events whose jobs get the values."})
    categories = Anything(metadata={"description": "Ids of categories whose jobs get them."})
    plugins = Anything(metadata={"description": "Ids of plugins whose processes get them."})
    web_hooks = Anything(metadata={"description": "Ids of web hooks whose macros may use them."})


class CreateSecret(_Secret, NewRecord):
    """A new secret."""


class UpdateSecret(_Secret, ChangedRecord):
    """Changes of a secret."""


def check_secret(secret: Mapping[str, Any]) -> None:
    """Raise `BadRequest` for the first thing that nobody could be given values by."""
    for key in OWNERS:
        if not is_list_of(secret.get(key, []), lambda owner: isinstance(owner, str)):
            raise _malformed(key)


def check_values(values: Any) -> None:
    """Raise `BadRequest` where these are no named values that an environment could have.

    The message never contains one of them.
    """
    if not isinstance(values, list) or len(values) > _MOST_FIELDS:
        raise _malformed("fields")
    for value in values:
        if not isinstance(value, dict) or not _is_value(value.get("name"), value.get("value")):
            raise _malformed("fields")
    names = [value["name"] for value in values]
    if len(set(names)) < len(names):
        raise BadRequest("Malformed secret parameter: fields (a name stands twice)")
    if sum(len(value["value"]) for value in values) > _MOST_CHARS:
        raise BadRequest("Malformed secret parameter: fields (too long)")


def _is_value(name: Any, value: Any) -> bool:
    if not isinstance(name, str) or not isinstance(value, str):
        return False
    return bool(_NAME.fullmatch(name)) and "\0" not in value


def _malformed(key: str) -> BadRequest:
    return BadRequest(f"Malformed secret parameter: {key}")
