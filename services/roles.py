"""Roles: what several keys and users may do, and what they are limited to, said once."""

from collections.abc import Mapping
from typing import Any, ClassVar

import sqlalchemy as sa

from core.errors import Conflict, Forbidden
from core.javascript import is_truthy
from models.api_key import ApiKey
from models.document import DocumentTable
from models.role import Role
from models.user import User
from services.access import Caller, Privilege
from services.catalogue import Catalogue, Document

_PRIVILEGES = {privilege.value: privilege for privilege in Privilege}
_HOLDERS: tuple[type[DocumentTable], ...] = (ApiKey, User)


class Roles(Catalogue):
    """The roles; nobody may give others more than they have."""

    table = Role
    noun = "role"
    prefix = "r"
    defaults: ClassVar = {"enabled": True, "privileges": {}, "categories": [], "groups": []}
    taken = "Role ID already exists"

    def create(self, params: Mapping[str, Any], caller: Caller) -> Document:
        """Store a new role; returns it as stored."""
        _check_grant(params, caller)
        return super().create(params, caller)

    def update(self, params: Mapping[str, Any], caller: Caller) -> None:
        """Merge `params` into the role that their `id` names."""
        _check_grant(params, caller)
        super().update(params, caller)

    def check_unused(self, connection: sa.Connection, key: str) -> None:
        """Without a role its limits would be gone, and their holders would be let in anywhere."""
        for table in _HOLDERS:
            for holder in table.all(connection):
                if key in (holder.get("roles") or ()):
                    name = holder.get("title") or holder["id"]
                    text = f'Failed to delete role: Still in use by "{name}".'
                    raise Conflict(text, code=self.noun)


def _check_grant(params: Mapping[str, Any], caller: Caller) -> None:
    """Raise `Forbidden` where somebody would give away what is not theirs, to themselves even."""
    if not caller.is_unlimited:
        text = "You do not have the required account privileges to use this API."
        raise Forbidden(text)
    for name, value in (params.get("privileges") or {}).items():
        if is_truthy(value) and not caller.is_admin and name not in caller.privileges:
            caller.require(_PRIVILEGES.get(name, Privilege.ADMIN))


roles = Roles()
