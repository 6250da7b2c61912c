"""The endpoints of roles."""

from typing import Any

from blueprints.replies import Returned
from blueprints.wire import BODY, MERGED, ApiBlueprint, NoParameters, array_reply, params, requires
from schemas.catalogue import RecordId
from schemas.replies import RoleReply, RowsReply
from schemas.role import CreateRole, UpdateRole
from services.access import Caller, Privilege
from services.roles import roles

bp = ApiBlueprint("roles", __name__)


@bp.api("get_roles", returns=RowsReply)
@params(NoParameters, source=MERGED)
@requires()
def get_roles(caller: Caller) -> Returned:
    """List the roles in order of creation; replies with `rows` and `list.length`."""
    found = roles.listing(caller)
    return array_reply("rows", found, {"list": found.length_text})


@bp.api("get_role", returns=RoleReply)
@params(RecordId, source=MERGED)
@requires()
def get_role(caller: Caller, id: str) -> Returned:
    """Show one role; replies with `role`."""
    return {"role": roles.get(id, caller)}


@bp.api("create_role", returns=RoleReply)
@params(CreateRole, source=BODY)
@requires(Privilege.CREATE_ROLES)
def create_role(caller: Caller, params: dict[str, Any]) -> Returned:
    """Create a role; replies with `role` as it was stored.

    Nobody may put privileges into a role that they don't have themselves.
    """
    return {"role": roles.create(params, caller)}


@bp.api("update_role")
@params(UpdateRole, source=BODY)
@requires(Privilege.EDIT_ROLES)
def update_role(caller: Caller, params: dict[str, Any]) -> None:
    """Change a role: every parameter replaces the key of its name.

    It counts from the next request on of everybody who has the role.
    """
    roles.update(params, caller)


@bp.api("delete_role")
@params(RecordId, source=BODY)
@requires(Privilege.DELETE_ROLES)
def delete_role(caller: Caller, id: str) -> None:
    """Delete a role that no key and no user has."""
    roles.delete(id, caller)
