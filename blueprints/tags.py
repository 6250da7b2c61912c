"""The endpoint of tags."""

from blueprints.replies import Returned
from blueprints.wire import MERGED, ApiBlueprint, NoParameters, array_reply, params, requires
from schemas.replies import RowsReply
from services import tags
from services.access import Caller

bp = ApiBlueprint("tags", __name__)


@bp.api("get_tags", returns=RowsReply)
@params(NoParameters, source=MERGED)
@requires()
def get_tags(_caller: Caller) -> Returned:
    """List all tags in order of creation; replies with `rows` and `list.length`."""
    found = tags.listing()
    return array_reply("rows", found, {"list": found.length_text})
