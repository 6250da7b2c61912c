"""The endpoints of plugins."""

from typing import Any

from blueprints.replies import Returned
from blueprints.wire import BODY, MERGED, ApiBlueprint, NoParameters, array_reply, params, requires
from schemas.catalogue import CreatePlugin, RecordId, UpdatePlugin
from schemas.replies import PluginReply, RowsReply
from services.access import Caller, Privilege
from services.plugins import plugins

bp = ApiBlueprint("plugins", __name__)


@bp.api("get_plugins", returns=RowsReply)
@params(NoParameters, source=MERGED)
@requires()
def get_plugins(caller: Caller) -> Returned:
    """List the plugins in order of creation; replies with `rows` and `list.length`."""
    found = plugins.listing(caller)
    return array_reply("rows", found, {"list": found.length_text})


@bp.api("get_plugin", returns=PluginReply)
@params(RecordId, source=MERGED)
@requires()
def get_plugin(caller: Caller, id: str) -> Returned:
    """Show one plugin; replies with `plugin`."""
    return {"plugin": plugins.get(id, caller)}


@bp.api("create_plugin", returns=PluginReply)
@params(CreatePlugin, source=BODY)
@requires(Privilege.CREATE_PLUGINS)
def create_plugin(caller: Caller, params: dict[str, Any]) -> Returned:
    """Create a plugin; replies with `plugin` as it was stored."""
    return {"plugin": plugins.create(params, caller)}


@bp.api("update_plugin")
@params(UpdatePlugin, source=BODY)
@requires(Privilege.EDIT_PLUGINS)
def update_plugin(caller: Caller, params: dict[str, Any]) -> None:
    """Change a plugin: every parameter replaces the key of its name."""
    plugins.update(params, caller)


@bp.api("delete_plugin")
@params(RecordId, source=BODY)
@requires(Privilege.DELETE_PLUGINS)
def delete_plugin(caller: Caller, id: str) -> None:
    """Delete a plugin that no event runs."""
    plugins.delete(id, caller)
