"""The endpoint that searches finished jobs."""

from typing import Any

from flask import Response

from blueprints.replies import cacheable
from blueprints.wire import MERGED, ApiBlueprint, array_reply, params, requires
from core import json
from schemas.replies import SearchReply
from schemas.search import SearchJobs
from services import search
from services.access import Caller

bp = ApiBlueprint("search", __name__)


@bp.api("search_jobs", returns=SearchReply)
@params(SearchJobs, source=MERGED)
@requires()
def search_jobs(caller: Caller, query: str, **wanted: Any) -> Response:
    """Search finished jobs.

    Replies with `rows`, the newest first and without `limit` only one; with `list.length`, the
    number of all; and where there are more, with `list.cursor`, which brings the next page.
    """
    found = search.search(caller, query, **wanted)
    header = {"length": found.total} | ({"cursor": found.cursor} if found.cursor else {})
    return cacheable(array_reply("rows", found.texts, {"list": json.dumps(header)}))
