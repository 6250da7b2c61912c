"""What all requests have in common: how parameters are declared, and the checks that all get.

The API answers with its first complaint, in the order in which an endpoint names its parameters.
So a field raises that answer itself, instead of collecting what is wrong with all of them.
"""

import re
from typing import Any, ClassVar

from marshmallow import EXCLUDE, Schema, ValidationError, fields, missing

from core.errors import BadRequest
from core.javascript import is_truthy, parse_int, to_number, to_string, type_of

Parameters = dict[str, Any]

#: The longest id that the database keeps, and the longest title that its indexes take.
MAX_ID_CHARS = 255
MAX_TITLE_CHARS = 500
#: Names that JavaScript's objects have from birth.
RESERVED_WORDS = frozenset(
    (
        *("constructor", "__defineGetter__", "__defineSetter__", "hasOwnProperty"),
        *("__lookupGetter__", "__lookupSetter__", "isPrototypeOf", "propertyIsEnumerable"),
        *("toString", "valueOf", "__proto__", "toLocaleString", "0"),
    )
)
_ICON = re.compile(r"[\w\-]+", re.ASCII)
_TAG = re.compile(r"<[^>]*>")
_COMMA = re.compile(r",\s*")
#: Texts that are shown to people as they are.
_SHOWN = ("notes", "label", "message")


def without_tags(text: str) -> str:
    """`text` without anything that a browser could take for markup."""
    return _TAG.sub("", text) if "<" in text else text


class RequestSchema(Schema):
    """The parameters of one endpoint; those it does not name are ignored."""

    class Meta:
        """Options of marshmallow."""

        unknown = EXCLUDE

    #: Whether ids, titles and names get the checks that go with required parameters.
    is_checked: ClassVar[bool] = True
    #: The argument that takes all parameters which are not fields, for endpoints that want them.
    rest: ClassVar[str | None] = None

    def parse(self, values: Parameters) -> Parameters:
        """The view's arguments; raises the API's error for the first parameter that is wrong."""
        try:
            arguments: Parameters = self.load(values)
        except ValidationError as error:
            # From a field of marshmallow's own; ours have raised the API's error already.
            raise BadRequest(f"Malformed parameter: {next(iter(error.messages_dict))}") from None
        if self.is_checked:
            check_names(values)
        if self.rest is not None:
            arguments[self.rest] = {
                key: value for key, value in values.items() if key not in self.fields
            }
        return arguments


def check_names(values: Parameters) -> None:
    """Check id, title, icon and the names of parameters; take markup out of shown texts."""
    if "id" in values:
        _check_id(values["id"])
    for key in values:
        if key in RESERVED_WORDS:
            raise BadRequest(f"Invalid parameter: {key} (illegal key)")
    title, icon = values.get("title"), values.get("icon")
    if is_truthy(title) and not {"<", ">"}.isdisjoint(to_string(title)):
        raise BadRequest("Malformed title parameter: Cannot contain HTML metacharacters")
    if is_truthy(icon) and not _ICON.fullmatch(to_string(icon)):
        raise BadRequest("Malformed icon parameter: Contains illegal characters")
    for key in _SHOWN:
        if key in values and is_truthy(values[key]):
            values[key] = without_tags(to_string(values[key]))


def _check_id(value: Any) -> None:
    if not isinstance(value, str):
        raise BadRequest(f"Invalid ID parameter: {to_string(value)} (not a string)")
    if value in RESERVED_WORDS:
        raise BadRequest(f"Invalid ID parameter: {value} (reserved word)")


class _Parameter(fields.Field[Any]):
    """A parameter that complains in the words of the API."""

    def _validate_missing(self, value: Any) -> None:
        """Only an absent parameter is missing; `null` is a value like any other."""
        if value is missing and self.required:
            raise BadRequest(f"Missing parameter: {self.name}")


class Anything(_Parameter, fields.Raw):
    """A parameter that is checked elsewhere."""


class Pattern(_Parameter, fields.String):
    """A parameter whose text has to match a pattern; the view gets the text."""

    def __init__(self, pattern: str, **options: Any) -> None:
        shown = {"pattern": pattern.replace(r"\Z", "$")} if pattern else {}
        super().__init__(metadata={**shown, **options.pop("metadata", {})}, **options)
        self._pattern = re.compile(pattern, re.ASCII)

    def _deserialize(self, value: Any, attr: str | None, *_: Any, **__: Any) -> Any:
        text = to_string(value)
        if not self._pattern.search(text):
            raise BadRequest(f"Malformed parameter: {attr}")
        return text


class Title(Pattern):
    """What people call a record: text that any database takes."""

    def __init__(self, **options: Any) -> None:
        super().__init__(r"\S", **options)

    def _deserialize(self, value: Any, attr: str | None, *_: Any, **__: Any) -> Any:
        super()._deserialize(value, attr)
        if not isinstance(value, str):
            raise malformed_type(attr, value)
        if "\0" in value or len(value) > MAX_TITLE_CHARS:
            raise BadRequest(f"Malformed parameter value: {attr}")
        return value


class Id(Pattern):
    """The id of a job, event or other record."""

    def __init__(self, **options: Any) -> None:
        metadata = {"maxLength": MAX_ID_CHARS, **options.pop("metadata", {})}
        super().__init__(r"^[a-z0-9_]+\Z", metadata=metadata, **options)

    def _deserialize(self, value: Any, attr: str | None, *_: Any, **__: Any) -> Any:
        if isinstance(value, str) and len(value) > MAX_ID_CHARS:
            raise BadRequest(f"Malformed parameter: {attr}")
        return super()._deserialize(value, attr)


class Array(_Parameter, fields.List[Any]):
    """A parameter that has to be an array of strings."""

    def __init__(self, **options: Any) -> None:
        super().__init__(fields.String(), **options)

    def _deserialize(self, value: Any, attr: str | None, *_: Any, **__: Any) -> Any:
        if not isinstance(value, list):
            raise BadRequest(f"Parameter is not an array: {attr}")
        if not all(isinstance(item, str) for item in value):
            raise BadRequest(f"Malformed parameter: {attr}")
        return value


class Names(_Parameter, fields.List[Any]):
    """A parameter that is an array, or a text with commas."""

    def __init__(self, **options: Any) -> None:
        super().__init__(fields.String(), **options)

    def _deserialize(self, value: Any, attr: str | None, *_: Any, **__: Any) -> list[Any]:
        if isinstance(value, str):
            return _COMMA.split(value) if value else []
        if not isinstance(value, list):
            raise malformed_type(attr, value)
        return [to_string(item) for item in value]


class Flag(_Parameter, fields.Boolean):
    """A parameter that is on when JavaScript takes its value for true."""

    def _deserialize(self, value: Any, *_: Any, **__: Any) -> bool:
        return is_truthy(value)


class Integer(_Parameter, fields.Integer):
    """A parameter that JavaScript's `parseInt` makes a number of; empty counts as absent."""

    def _deserialize(self, value: Any, *_: Any, **__: Any) -> Any:
        return parse_int(value) if is_truthy(value) else self.load_default


class Seconds(Pattern):
    """A time in Unix seconds, as a number or as text."""

    def __init__(self, **options: Any) -> None:
        super().__init__(r"^\d{1,12}(\.\d{1,9})?\Z", **options)

    def _deserialize(self, value: Any, attr: str | None, *_: Any, **__: Any) -> Any:
        return to_number(super()._deserialize(value, attr))


class _Typed(_Parameter):
    """An optional parameter of one JSON type; `null` counts as absent."""

    types: ClassVar[tuple[type, ...]]

    def _deserialize(self, value: Any, attr: str | None, *_: Any, **__: Any) -> Any:
        # JSON's types are exact: to `isinstance`, `true` would be an integer.
        if value is not None and type(value) not in self.types:
            raise malformed_type(attr, value)
        return value


class Text(_Typed, fields.String):
    """An optional parameter that has to be a string."""

    types = (str,)


class Number(_Typed, fields.Float):
    """An optional parameter that has to be a number."""

    types = (int, float)


class Switch(_Typed, fields.Boolean):
    """An optional parameter that has to be a boolean or a number."""

    types = (bool, int, float)


class Object(_Typed, fields.Dict):
    """An optional parameter that has to be an object."""

    types = (dict,)


def malformed_type(name: str | None, value: Any) -> BadRequest:
    """The error for an optional parameter of the wrong JSON type."""
    return BadRequest(f"Malformed parameter type: {name} ({type_of(value)})")


class NoParameters(RequestSchema):
    """An endpoint without parameters."""

    is_checked = False


class IdRequest(RequestSchema):
    """An endpoint that needs nothing but an id."""

    id = Id(required=True, metadata={"description": "The record's id."})
