"""The endpoints of secrets. Only `decrypt_secret` ever replies with values."""

from typing import Any

from blueprints.replies import Returned
from blueprints.wire import BODY, MERGED, ApiBlueprint, NoParameters, array_reply, params, requires
from schemas.catalogue import RecordId
from schemas.replies import RowsReply
from schemas.secret import CreateSecret, UpdateSecret
from schemas.secret_replies import DecryptedReply, SecretReply
from services.access import Caller, Privilege
from services.secrets import secrets

bp = ApiBlueprint("secrets", __name__)


@bp.api("get_secrets", returns=RowsReply)
@params(NoParameters, source=MERGED)
@requires(unlimited=True)
def get_secrets(caller: Caller) -> Returned:
    """List the secrets in order of creation, without values; replies with `rows` and `list`."""
    found = secrets.listing(caller)
    return array_reply("rows", found, {"list": found.length_text})


@bp.api("get_secret", returns=SecretReply)
@params(RecordId, source=MERGED)
@requires(unlimited=True)
def get_secret(caller: Caller, id: str) -> Returned:
    """Show one secret without its values; replies with `secret`."""
    return {"secret": secrets.get(id, caller)}


@bp.api("create_secret", returns=SecretReply)
@params(CreateSecret, source=BODY)
@requires(Privilege.ADMIN)
def create_secret(caller: Caller, params: dict[str, Any]) -> Returned:
    """Create a secret; replies with `secret` as it was stored, without its values."""
    return {"secret": secrets.create(params, caller)}


@bp.api("update_secret")
@params(UpdateSecret, source=BODY)
@requires(Privilege.ADMIN)
def update_secret(caller: Caller, params: dict[str, Any]) -> None:
    """Change a secret: every parameter replaces the key of its name, `fields` all values."""
    secrets.update(params, caller)


@bp.api("delete_secret")
@params(RecordId, source=BODY)
@requires(Privilege.ADMIN)
def delete_secret(caller: Caller, id: str) -> None:
    """Delete a secret; jobs that start from now on do without it."""
    secrets.delete(id, caller)


@bp.api("decrypt_secret", returns=DecryptedReply)
@params(RecordId, source=BODY)
@requires(Privilege.ADMIN)
def decrypt_secret(caller: Caller, id: str) -> Returned:
    """Show the values of a secret, which is recorded; replies with `fields`."""
    return {"fields": secrets.decrypt(id, caller)}
