"""The endpoints of notification channels."""

from typing import Any

from blueprints.replies import Returned
from blueprints.wire import BODY, MERGED, ApiBlueprint, NoParameters, array_reply, params, requires
from schemas.catalogue import RecordId
from schemas.channel import CreateChannel, UpdateChannel
from schemas.replies import ChannelReply, RowsReply
from services.access import Caller, Privilege
from services.channels import channels

bp = ApiBlueprint("channels", __name__)


@bp.api("get_channels", returns=RowsReply)
@params(NoParameters, source=MERGED)
@requires(unlimited=True)
def get_channels(caller: Caller) -> Returned:
    """List the channels in order of creation; replies with `rows` and `list.length`."""
    found = channels.listing(caller)
    return array_reply("rows", found, {"list": found.length_text})


@bp.api("get_channel", returns=ChannelReply)
@params(RecordId, source=MERGED)
@requires(unlimited=True)
def get_channel(caller: Caller, id: str) -> Returned:
    """Show one channel; replies with `channel`."""
    return {"channel": channels.get(id, caller)}


@bp.api("create_channel", returns=ChannelReply)
@params(CreateChannel, source=BODY)
@requires(Privilege.CREATE_CHANNELS, unlimited=True)
def create_channel(caller: Caller, params: dict[str, Any]) -> Returned:
    """Create a channel; replies with `channel` as it was stored."""
    return {"channel": channels.create(params, caller)}


@bp.api("update_channel")
@params(UpdateChannel, source=BODY)
@requires(Privilege.EDIT_CHANNELS, unlimited=True)
def update_channel(caller: Caller, params: dict[str, Any]) -> None:
    """Change a channel: every parameter replaces the key of its name."""
    channels.update(params, caller)


@bp.api("delete_channel")
@params(RecordId, source=BODY)
@requires(Privilege.DELETE_CHANNELS, unlimited=True)
def delete_channel(caller: Caller, id: str) -> None:
    """Delete a channel; actions that name it fail from now on."""
    channels.delete(id, caller)
