"""The endpoints of the transaction log: what callers changed."""

from typing import Any

from flask import Response

from blueprints.replies import Returned, cacheable
from blueprints.wire import MERGED, ApiBlueprint, array_reply, params, requires
from schemas.activity import EventHistory, SearchActivity
from schemas.replies import RowsReply
from services import activity
from services.access import Caller, Privilege

bp = ApiBlueprint("activity", __name__)


@bp.api("get_event_history", returns=RowsReply)
@params(EventHistory, source=MERGED)
@requires()
def get_event_history(caller: Caller, id: str, **page: Any) -> Response:
    """List the changes of an event.

    Replies with `rows`, the newest first and without `limit` only one, each with `event`, as it
    was then; and with `list.length`, the number of all. A deleted event has no history.
    """
    return cacheable(_rows(activity.event_history(id, caller, **page)))


@bp.api("search_activity", returns=RowsReply)
@params(SearchActivity, source=MERGED)
@requires(Privilege.ADMIN)
def search_activity(_caller: Caller, **wanted: Any) -> Returned:
    """Search what callers changed: who, what, when, and from where.

    Replies with `rows`, the newest first and without `limit` only one, and with `list.length`,
    the number of all.
    """
    return _rows(activity.search(**wanted))


def _rows(page: activity.Page) -> Returned:
    chunks, length = page
    return array_reply("rows", chunks, {"list": f'{{"length":{length}}}'})
