"""The endpoints of API keys, for administrators."""

from typing import Any

from blueprints.replies import Returned
from blueprints.wire import BODY, ApiBlueprint, NoParameters, array_reply, params, requires
from core import json
from schemas.api_key import ApiKeyId, CreateApiKey, UpdateApiKey
from schemas.replies import ApiKeyReply, ApiKeysReply, NewApiKeyReply
from services import api_keys
from services.access import Caller, Privilege

bp = ApiBlueprint("api_keys", __name__)

#: Clients expect to read lists in pages of this size; here a list always comes whole.
_PAGE_SIZE = 100


@bp.api("get_api_keys", returns=ApiKeysReply)
@params(NoParameters, source=BODY)
@requires(Privilege.ADMIN)
def get_api_keys(_caller: Caller) -> Returned:
    """List all API keys, newest first; replies with `rows` and `list`."""
    found = api_keys.listing()
    return array_reply("rows", found, {"list": lambda: _list_text(found.length)})


def _list_text(length: int) -> str:
    """What clients are told of a list that they would read in pages."""
    if not length:
        return json.dumps({"length": 0})
    pages = {"page_size": _PAGE_SIZE, "first_page": 0, "last_page": (length - 1) // _PAGE_SIZE}
    return json.dumps({**pages, "length": length, "type": "list"})


@bp.api("get_api_key", returns=ApiKeyReply)
@params(ApiKeyId, source=BODY)
@requires(Privilege.ADMIN)
def get_api_key(_caller: Caller, id: str) -> Returned:
    """Show one API key's record as `api_key`; the key itself is never shown again."""
    return {"api_key": api_keys.get(id)}


@bp.api("create_api_key", returns=NewApiKeyReply)
@params(CreateApiKey, source=BODY)
@requires(Privilege.ADMIN)
def create_api_key(caller: Caller, params: dict[str, Any]) -> Returned:
    """Create an API key.

    Replies with its record as `api_key`, and with `plain_key`, the key itself: only now.
    """
    record, plain_key = api_keys.create(params, caller)
    return {"api_key": record, "plain_key": plain_key}


@bp.api("update_api_key")
@params(UpdateApiKey, source=BODY)
@requires(Privilege.ADMIN)
def update_api_key(caller: Caller, id: str, changes: dict[str, Any]) -> None:
    """Change an API key's record; it counts from the next request on."""
    api_keys.update(id, changes, caller)


@bp.api("delete_api_key")
@params(ApiKeyId, source=BODY)
@requires(Privilege.ADMIN)
def delete_api_key(caller: Caller, id: str) -> None:
    """Delete an API key; it stops working at once."""
    api_keys.delete(id, caller)
