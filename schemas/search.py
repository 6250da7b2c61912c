"""Parameters of search_jobs: the query, which part of its result, and what of each job."""

import base64
import binascii
import math
from typing import Any

from marshmallow import post_load

from core import json
from core.errors import BadRequest
from core.javascript import is_truthy, parse_int, to_number, to_string
from schemas.wire import Anything, Flag, Names, Parameters, Pattern, RequestSchema, malformed_type

#: The most jobs of one page.
MAX_LIMIT = 1000
#: Further on there is nothing; databases count no further than 2^63.
_MAX_OFFSET = 2**53
#: What searches may be sorted by.
SORTERS = ("_id", "completed", "elapsed")
_MAX_CURSOR_CHARS = 200


class _Query(Pattern):
    """A query as text; what is not there is a query for everything."""

    def _deserialize(self, value: Any, attr: str | None, *_: Any, **__: Any) -> Any:
        if isinstance(value, (list, dict)):
            raise malformed_type(attr, value)
        return to_string(value) if is_truthy(value) else "*"


class _Select(Names):
    """Keys of jobs, as an array or a text with commas; empty counts as absent."""

    def _deserialize(self, value: Any, attr: str | None, *_: Any, **__: Any) -> Any:
        if not is_truthy(value):
            return None
        if not isinstance(value, (str, list)):
            raise BadRequest("Select parameter must be an array.")
        return super()._deserialize(value, attr)


class SearchJobs(RequestSchema):
    """What to search for."""

    is_checked = False

    query = _Query("", load_default="*", metadata={"description": "What jobs must meet."})
    offset = Anything(load_default=0, metadata={"description": "Jobs to leave out at the start."})
    limit = Anything(load_default=1, metadata={"description": "The most rows, up to 1,000."})
    sort_by = Pattern(
        "",
        load_default="_id",
        metadata={"description": "`_id` (by launch), `completed` or `elapsed`.", "enum": SORTERS},
    )
    sort_dir = Anything(load_default=-1, metadata={"description": "1 ascending, -1 descending."})
    verbose = Flag(load_default=False, metadata={"description": "Whole jobs."})
    select = _Select(load_default=None, metadata={"description": "Only these keys of each job."})
    cursor = Pattern(
        "", load_default=None, metadata={"description": "Go on behind the page that gave it."}
    )
    ttl = Pattern("", metadata={"description": "For how many seconds caches may keep the reply."})

    @post_load
    def _as_page(self, values: Parameters, **_: Any) -> Parameters:
        """Whole numbers that a database takes, the order as a flag, the place to go on from."""
        values.pop("ttl", None)
        values["sort_by"] = values["sort_by"] or "_id"
        if values["sort_by"] not in SORTERS:
            text = f"Failed DB search: Error: Cannot find sorter: {values['sort_by']}"
            raise BadRequest(text, code="db")
        values["offset"] = _offset(values["offset"])
        values["limit"] = _limit(values["limit"])
        values["descending"] = _is_descending(values.pop("sort_dir"))
        order = [values["sort_by"], values["descending"]]
        values["after"] = _place(values.pop("cursor"), order)
        return values


def _offset(value: Any) -> int:
    number = parse_int(value)
    return 0 if math.isnan(number) else int(max(0, min(number, _MAX_OFFSET)))


def _limit(value: Any) -> int:
    """As JavaScript's `slice` has it: a text that is no number, or is 0, means all there may be."""
    number = parse_int(value if is_truthy(value) else 1)
    if math.isnan(number) or number == 0:
        return MAX_LIMIT
    return int(max(0, min(number, MAX_LIMIT)))


def _is_descending(value: Any) -> bool:
    """Only a number below zero is; what is no number gives the oldest first."""
    return to_number(value) < 0 if is_truthy(value) else True


def cursor_of(sort_by: str, key: float, seq: int, *, descending: bool) -> str:
    """The text that says behind which job the next page begins."""
    text = json.dumps([sort_by, descending, key, seq])
    return base64.urlsafe_b64encode(text.encode()).decode().rstrip("=")


def _place(cursor: str | None, order: list[Any]) -> tuple[float, int] | None:
    """The sort key and number in a cursor, which must be one of the same order."""
    if not cursor:
        return None
    malformed = BadRequest("Malformed parameter value: cursor")
    if len(cursor) > _MAX_CURSOR_CHARS:
        raise malformed
    try:
        padded = cursor + "=" * (-len(cursor) % 4)
        parts = json.loads(base64.b64decode(padded, altchars=b"-_", validate=True))
    except (binascii.Error, ValueError, json.JSONError):
        raise malformed from None
    if not isinstance(parts, list) or len(parts) != 4 or parts[:2] != order:
        raise malformed
    key, seq = parts[2:]
    if type(key) not in (int, float) or type(seq) is not int or not abs(key) < 2**53 > abs(seq):
        raise malformed
    return key, seq
