"""Parameters of the endpoints that search the transaction log."""

import math
from typing import Any

from marshmallow import post_load

from core.errors import BadRequest
from schemas.wire import Id, Integer, Names, Parameters, Pattern, RequestSchema, Seconds

#: The most records of one page.
MAX_LIMIT = 1000
#: Further on there is nothing; databases count no further than 2^63.
_MAX_OFFSET = 2**53
_SORTER = "_id"


class _Paged(RequestSchema):
    """Which part of a list, and in what order."""

    offset = Integer(load_default=0, metadata={"description": "Rows to leave out at the start."})
    limit = Integer(load_default=1, metadata={"description": "The most rows, up to 1,000."})
    sort_by = Pattern("", load_default=_SORTER, metadata={"description": "`_id`: by time."})
    sort_dir = Integer(load_default=-1, metadata={"description": "1 oldest first, -1 newest."})
    ttl = Pattern("", metadata={"description": "For how many seconds caches may keep the reply."})

    @post_load
    def _as_page(self, values: Parameters, **_: Any) -> Parameters:
        """Whole numbers that a database takes, and the order as a flag."""
        sorter = values.pop("sort_by") or _SORTER
        if sorter != _SORTER:
            raise BadRequest(f"Failed DB search: Error: Cannot find sorter: {sorter}", code="db")
        values.pop("ttl", None)
        offset, limit = values["offset"], values["limit"]
        if limit > MAX_LIMIT:
            raise BadRequest(f"Malformed parameter value: limit (more than {MAX_LIMIT})")
        direction = values.pop("sort_dir")
        return {
            **values,
            "offset": 0 if math.isnan(offset) else max(0, min(int(offset), _MAX_OFFSET)),
            "limit": 1 if math.isnan(limit) else max(0, int(limit)),
            "newest_first": not direction > 0,
        }


class EventHistory(_Paged):
    """Which event's history, and which part of it."""

    id = Id(required=True, metadata={"description": "The event's id."})


class SearchActivity(_Paged):
    """Which records of the transaction log; what is not named may be anything."""

    is_checked = False

    action = Names(load_default=(), metadata={"description": "Actions, any of them."})
    username = Names(load_default=(), metadata={"description": "Callers: user names, key ids."})
    keywords = Names(load_default=(), metadata={"description": "Ids and addresses, all of them."})
    since = Seconds(load_default=None, metadata={"description": "Not before, Unix seconds."})
    until = Seconds(load_default=None, metadata={"description": "Not after, Unix seconds."})

    @post_load
    def _check_names(self, values: Parameters, **_: Any) -> Parameters:
        """Refuse what no database takes, or would search for long."""
        for key in ("action", "username", "keywords"):
            names = values[key]
            if len(names) > 20 or any("\0" in name or len(name) > 255 for name in names):
                raise BadRequest(f"Malformed parameter: {key}")
        return values
