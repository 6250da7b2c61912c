"""Parameters of the role endpoints."""

from schemas.catalogue import ChangedRecord, NewRecord
from schemas.wire import Array, Object, RequestSchema


class _Role(RequestSchema):
    privileges = Object(metadata={"description": "Privileges by id, each with a true value."})
    categories = Array(metadata={"description": "Ids of categories it limits to; none: all."})
    groups = Array(metadata={"description": "Ids of groups it limits to; none: all."})


class CreateRole(_Role, NewRecord):
    """A new role."""


class UpdateRole(_Role, ChangedRecord):
    """Changes of a role."""
