"""The endpoints that clients call as they start: all lists at once, and how things stand."""

from typing import Any

from flask import current_app

from blueprints.replies import Returned
from blueprints.wire import MERGED, ApiBlueprint, NoParameters, params, requires, spliced
from core.version import API_VERSION, NAME
from schemas.client_lists import GetMultiple
from schemas.client_replies import ConfigReply, DashboardReply, MultipleReply
from schemas.replies import RowsReply
from services import client_lists, statistics
from services.access import Caller

bp = ApiBlueprint("clients", __name__)

#: Lists of what is not built: clients read them in passing.
_EMPTY = (
    *("get_alerts", "get_monitors", "get_tickets"),
    *("search_alerts", "search_servers", "search_snapshots", "search_tickets"),
)


@bp.api("get_multiple", returns=MultipleReply)
@params(GetMultiple, source=MERGED)
@requires(unlimited=True)
def get_multiple(caller: Caller, lists: list[str], **wanted: bool) -> Returned:
    """Load several lists in one call, for clients that need all of them as they start.

    Replies with a member for each list, and with what else is asked for. Secrets and hashes are
    never part of it.
    """
    return spliced(client_lists.texts(lists, wanted, caller))


@bp.api("dash_stats", returns=DashboardReply)
@params(NoParameters, source=MERGED)
@requires(unlimited=True)
def dash_stats(_caller: Caller) -> Returned:
    """Show counters of the day, hour and minute, and figures of the process that answers."""
    return {"version": API_VERSION, "stats": statistics.current()}


@bp.api("config", returns=ConfigReply)
@params(NoParameters, source=MERGED)
@requires(unlimited=True)
def config(_caller: Caller) -> Returned:
    """Show the version of the API, and the limits that clients have to keep."""
    limits = {
        "max_json_bytes": current_app.config["MAX_JSON_BYTES"],
        "max_upload_bytes": current_app.config["MAX_UPLOAD_BYTES"],
    }
    return {"version": API_VERSION, "config": {"name": NAME, **limits}}


def _add_empty_list(name: str) -> None:
    what = name.partition("_")[2].replace("_", " ")

    def view(_caller: Caller) -> dict[str, Any]:
        return {"rows": [], "list": {"length": 0}}

    view.__doc__ = f"List {what}: there are none in this version."
    bp.api(name, returns=RowsReply)(params(NoParameters)(requires(unlimited=True)(view)))


for _name in _EMPTY:
    _add_empty_list(_name)
