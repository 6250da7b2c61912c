"""The endpoints of groups."""

from typing import Any

from blueprints.replies import Returned
from blueprints.wire import BODY, MERGED, ApiBlueprint, NoParameters, array_reply, params, requires
from schemas.catalogue import CreateGroup, RecordId, UpdateGroup, UpdateGroups
from schemas.replies import GroupReply, RowsReply
from services.access import Caller, Privilege
from services.groups import groups

bp = ApiBlueprint("groups", __name__)


@bp.api("get_groups", returns=RowsReply)
@params(NoParameters, source=MERGED)
@requires()
def get_groups(caller: Caller) -> Returned:
    """List the groups in order of creation; replies with `rows` and `list.length`."""
    found = groups.listing(caller)
    return array_reply("rows", found, {"list": found.length_text})


@bp.api("get_group", returns=GroupReply)
@params(RecordId, source=MERGED)
@requires()
def get_group(caller: Caller, id: str) -> Returned:
    """Show one group; replies with `group`."""
    return {"group": groups.get(id, caller)}


@bp.api("create_group", returns=GroupReply)
@params(CreateGroup, source=BODY)
@requires(Privilege.CREATE_GROUPS)
def create_group(caller: Caller, params: dict[str, Any]) -> Returned:
    """Create a group; replies with `group` as it was stored."""
    return {"group": groups.create(params, caller)}


@bp.api("update_group")
@params(UpdateGroup, source=BODY)
@requires(Privilege.EDIT_GROUPS)
def update_group(caller: Caller, params: dict[str, Any]) -> None:
    """Change a group: every parameter replaces the key of its name.

    Servers join and leave as `hostname_match` says."""
    groups.update(params, caller)


@bp.api("multi_update_groups")
@params(UpdateGroups, source=BODY)
@requires(Privilege.EDIT_GROUPS)
def multi_update_groups(caller: Caller, items: list[dict[str, Any]]) -> None:
    """Change several groups at once; unknown ones are left out."""
    groups.update_many(items, caller)


@bp.api("delete_group")
@params(RecordId, source=BODY)
@requires(Privilege.DELETE_GROUPS)
def delete_group(caller: Caller, id: str) -> None:
    """Delete a group that no event targets."""
    groups.delete(id, caller)
