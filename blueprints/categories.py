"""The endpoints of categories."""

from typing import Any

from blueprints.replies import Returned
from blueprints.wire import BODY, MERGED, ApiBlueprint, NoParameters, array_reply, params, requires
from schemas.catalogue import CreateCategory, RecordId, UpdateCategories, UpdateCategory
from schemas.replies import CategoryReply, RowsReply
from services.access import Caller, Privilege
from services.categories import categories

bp = ApiBlueprint("categories", __name__)


@bp.api("get_categories", returns=RowsReply)
@params(NoParameters, source=MERGED)
@requires()
def get_categories(caller: Caller) -> Returned:
    """List the categories in order of creation; replies with `rows` and `list.length`."""
    found = categories.listing(caller)
    return array_reply("rows", found, {"list": found.length_text})


@bp.api("get_category", returns=CategoryReply)
@params(RecordId, source=MERGED)
@requires()
def get_category(caller: Caller, id: str) -> Returned:
    """Show one category; replies with `category`."""
    return {"category": categories.get(id, caller)}


@bp.api("create_category", returns=CategoryReply)
@params(CreateCategory, source=BODY)
@requires(Privilege.CREATE_CATEGORIES)
def create_category(caller: Caller, params: dict[str, Any]) -> Returned:
    """Create a category; replies with `category` as it was stored."""
    return {"category": categories.create(params, caller)}


@bp.api("update_category")
@params(UpdateCategory, source=BODY)
@requires(Privilege.EDIT_CATEGORIES)
def update_category(caller: Caller, params: dict[str, Any]) -> None:
    """Change a category: every parameter replaces the key of its name."""
    categories.update(params, caller)


@bp.api("multi_update_category")
@params(UpdateCategories, source=BODY)
@requires(Privilege.EDIT_CATEGORIES)
def multi_update_category(caller: Caller, items: list[dict[str, Any]]) -> None:
    """Change several categories at once; unknown ones are left out."""
    categories.update_many(items, caller)


@bp.api("delete_category")
@params(RecordId, source=BODY)
@requires(Privilege.DELETE_CATEGORIES)
def delete_category(caller: Caller, id: str) -> None:
    """Delete a category that no event is in."""
    categories.delete(id, caller)
