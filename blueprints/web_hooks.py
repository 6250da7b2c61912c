"""The endpoints of web hooks."""

from typing import Any

from blueprints.replies import Returned
from blueprints.wire import BODY, MERGED, ApiBlueprint, NoParameters, array_reply, params, requires
from schemas.catalogue import RecordId
from schemas.replies import RowsReply
from schemas.web_hook import CreateWebHook, FireJobWebHook, TestWebHook, UpdateWebHook
from schemas.web_hook_replies import WebHookReply, WebHookResultReply
from services import hook_jobs
from services import web_hooks as hooks
from services.access import Caller, Privilege
from services.web_hooks import web_hooks

bp = ApiBlueprint("web_hooks", __name__)


@bp.api("get_web_hooks", returns=RowsReply)
@params(NoParameters, source=MERGED)
@requires(unlimited=True)
def get_web_hooks(caller: Caller) -> Returned:
    """List the web hooks in order of creation; replies with `rows` and `list.length`."""
    found = web_hooks.listing(caller)
    return array_reply("rows", found, {"list": found.length_text})


@bp.api("get_web_hook", returns=WebHookReply)
@params(RecordId, source=MERGED)
@requires(unlimited=True)
def get_web_hook(caller: Caller, id: str) -> Returned:
    """Show one web hook; replies with `web_hook`."""
    return {"web_hook": web_hooks.get(id, caller)}


@bp.api("create_web_hook", returns=WebHookReply)
@params(CreateWebHook, source=BODY)
@requires(Privilege.CREATE_WEB_HOOKS, unlimited=True)
def create_web_hook(caller: Caller, params: dict[str, Any]) -> Returned:
    """Create a web hook; replies with `web_hook` as it was stored."""
    return {"web_hook": web_hooks.create(params, caller)}


@bp.api("update_web_hook")
@params(UpdateWebHook, source=BODY)
@requires(Privilege.EDIT_WEB_HOOKS, unlimited=True)
def update_web_hook(caller: Caller, params: dict[str, Any]) -> None:
    """Change a web hook: every parameter replaces the key of its name."""
    web_hooks.update(params, caller)


@bp.api("delete_web_hook")
@params(RecordId, source=BODY)
@requires(Privilege.DELETE_WEB_HOOKS, unlimited=True)
def delete_web_hook(caller: Caller, id: str) -> None:
    """Delete a web hook; actions that name it fail from now on."""
    web_hooks.delete(id, caller)


@bp.api("fire_job_web_hook", returns=WebHookResultReply)
@params(FireJobWebHook, source=BODY)
def fire_job_web_hook(id: str, auth: str) -> Returned:
    """Fire the hook that a running job of the web hook plugin names; replies with `result`."""
    return {"result": hook_jobs.fire(id, auth)}


@bp.api("test_web_hook", returns=WebHookResultReply)
@params(TestWebHook, source=BODY)
@requires(Privilege.EDIT_WEB_HOOKS, unlimited=True)
def test_web_hook(caller: Caller, params: dict[str, Any]) -> Returned:  # noqa: ARG001
    """Fire a web hook once with a sample job, stored or not; replies with `result`."""
    return {"result": hooks.try_out(params)}
