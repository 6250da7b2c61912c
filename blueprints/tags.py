"""The endpoints of tags."""

from typing import Any

from blueprints.replies import Returned
from blueprints.wire import BODY, MERGED, ApiBlueprint, NoParameters, array_reply, params, requires
from schemas.catalogue import ChangedRecord, NewRecord, RecordId
from schemas.replies import RowsReply, TagReply
from services.access import Caller, Privilege
from services.tags import tags

bp = ApiBlueprint("tags", __name__)


@bp.api("get_tags", returns=RowsReply)
@params(NoParameters, source=MERGED)
@requires()
def get_tags(caller: Caller) -> Returned:
    """List the tags in order of creation; replies with `rows` and `list.length`."""
    found = tags.listing(caller)
    return array_reply("rows", found, {"list": found.length_text})


@bp.api("get_tag", returns=TagReply)
@params(RecordId, source=MERGED)
@requires()
def get_tag(caller: Caller, id: str) -> Returned:
    """Show one tag; replies with `tag`."""
    return {"tag": tags.get(id, caller)}


@bp.api("create_tag", returns=TagReply)
@params(NewRecord, source=BODY)
@requires(Privilege.CREATE_TAGS)
def create_tag(caller: Caller, params: dict[str, Any]) -> Returned:
    """Create a tag; replies with `tag` as it was stored."""
    return {"tag": tags.create(params, caller)}


@bp.api("update_tag")
@params(ChangedRecord, source=BODY)
@requires(Privilege.EDIT_TAGS)
def update_tag(caller: Caller, params: dict[str, Any]) -> None:
    """Change a tag: every parameter replaces the key of its name."""
    tags.update(params, caller)


@bp.api("delete_tag")
@params(RecordId, source=BODY)
@requires(Privilege.DELETE_TAGS)
def delete_tag(caller: Caller, id: str) -> None:
    """Delete a tag; events and jobs keep the word."""
    tags.delete(id, caller)
