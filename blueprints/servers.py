"""The endpoints of servers, the hosts that run jobs."""

from blueprints.replies import Returned
from blueprints.wire import MERGED, ApiBlueprint, NoParameters, params, requires
from schemas.client_lists import ServerId
from schemas.client_replies import ServerReply, ServerStateReply, ServerSummariesReply
from schemas.replies import RowsReply
from services import servers
from services.access import Caller

bp = ApiBlueprint("servers", __name__)


@bp.api("get_active_servers", returns=RowsReply)
@params(NoParameters, source=MERGED)
@requires(unlimited=True)
def get_active_servers(_caller: Caller) -> Returned:
    """List the servers that are connected, which is while an engine leads."""
    rows = servers.connected()
    return {"rows": rows, "list": {"length": len(rows)}}


@bp.api("get_active_server", returns=ServerReply)
@params(ServerId, source=MERGED)
@requires(unlimited=True)
def get_active_server(_caller: Caller, id: str) -> Returned:
    """Show one connected server; replies with `server`."""
    return {"server": servers.get_connected(id)}


@bp.api("get_server", returns=ServerStateReply)
@params(ServerId, source=MERGED)
@requires(unlimited=True)
def get_server(_caller: Caller, id: str) -> Returned:
    """Show one server; replies with `server`, and with `online`, whether it is connected."""
    server, is_connected = servers.get(id)
    return {"server": server, "online": is_connected}


@bp.api("get_server_summaries", returns=ServerSummariesReply)
@params(NoParameters, source=MERGED)
@requires(unlimited=True)
def get_server_summaries(_caller: Caller) -> Returned:
    """Count servers by platform, architecture, release and cores; replies with `summaries`."""
    return {"summaries": servers.summaries()}
