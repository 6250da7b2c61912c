"""Parameters of the user endpoints."""

from typing import Any

from core.errors import BadRequest
from core.javascript import to_string
from schemas.wire import (
    Array,
    Object,
    Parameters,
    Pattern,
    RequestSchema,
    Switch,
    Text,
    malformed_type,
)

_MAX_NAME_CHARS = 64
_MIN_PASSWORD_CHARS = 8
_MAX_TEXT_CHARS = 1000


class Username(Pattern):
    """A user's name: upper and lower case are the same."""

    def __init__(self, **options: Any) -> None:
        super().__init__(r"^[\w.\-]+\Z", metadata={"description": "The user's name."}, **options)

    def _deserialize(self, value: Any, attr: str | None, *_: Any, **__: Any) -> Any:
        if len(to_string(value)) > _MAX_NAME_CHARS:
            raise BadRequest(f"Malformed parameter: {attr}")
        return str(super()._deserialize(value, attr)).lower()


class Password(Pattern):
    """A password as it is typed; any text will do."""

    def __init__(self, **options: Any) -> None:
        super().__init__(r"", **options)

    def _deserialize(self, value: Any, attr: str | None, *_: Any, **__: Any) -> Any:
        if not isinstance(value, str):
            raise malformed_type(attr, value)
        if len(value) > _MAX_TEXT_CHARS:
            raise BadRequest(f"Malformed parameter: {attr}")
        return value


class NewPassword(Password):
    """A password that is to be set."""

    def _deserialize(self, value: Any, attr: str | None, *_: Any, **__: Any) -> Any:
        password = super()._deserialize(value, attr)
        if len(password) < _MIN_PASSWORD_CHARS:
            text = f"Password must have at least {_MIN_PASSWORD_CHARS} characters."
            raise BadRequest(text)
        return password


class Login(RequestSchema):
    """Who logs in."""

    username = Username(required=True)
    password = Password(required=True, metadata={"description": "The user's password."})


class UserName(RequestSchema):
    """An endpoint that needs nothing but a user's name."""

    username = Username(required=True)


class _User(RequestSchema):
    """The parts of a user's record that administrators set; others are not kept."""

    email = Text(metadata={"description": "Where the user gets mail."})
    full_name = Text(metadata={"description": "What people call the user."})
    active = Switch(metadata={"description": "Whether the user may log in, and act."})
    privileges = Object(metadata={"description": "Privileges by id, each with a true value."})
    roles = Array(metadata={"description": "Ids of roles."})
    categories = Array(metadata={"description": "Ids of categories it is limited to; none: all."})
    groups = Array(metadata={"description": "Ids of groups it is limited to; none: all."})

    def parse(self, values: Parameters) -> Parameters:
        """The name, the password if there is one, and the record's other keys as `changes`."""
        found = super().parse(values)
        for key in ("email", "full_name"):
            if len(found.get(key) or "") > _MAX_TEXT_CHARS or "\0" in (found.get(key) or ""):
                raise BadRequest(f"Malformed parameter value: {key}")
        named = {key: found.pop(key) for key in ("username", "password") if key in found}
        # `null` counts as absent.
        return named | {
            "changes": {key: value for key, value in found.items() if value is not None}
        }


class CreateUser(_User):
    """A new user."""

    username = Username(required=True)
    password = NewPassword(required=True, metadata={"description": "The first password."})


class UpdateUser(_User):
    """Which user; every other parameter replaces a part of the record."""

    username = Username(required=True)
    password = NewPassword(
        data_key="new_password", metadata={"description": "Another password; ends all sessions."}
    )
