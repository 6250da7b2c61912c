"""Web hooks: requests to other services that actions name."""

from typing import Any, ClassVar

import sqlalchemy as sa
from flask import current_app

from core.ids import new_id
from models.web_hook import WebHook
from schemas.web_hook import check_web_hook
from services import web_hook_calls
from services.catalogue import Catalogue, Document


class WebHooks(Catalogue):
    """The web hooks; they are the same for every caller, and events may name missing ones."""

    table = WebHook
    noun = "web_hook"
    prefix = "w"
    defaults: ClassVar = {
        "enabled": True,
        "method": "POST",
        "headers": [],
        "body": "",
        "timeout": 30,
        "retries": 0,
    }
    taken = "That Web Hook ID already exists"
    is_counted = True

    def check(self, _connection: sa.Connection, record: Document) -> None:
        """A request must be possible with it."""
        check_web_hook(record)


web_hooks = WebHooks()


def try_out(params: dict[str, Any]) -> Document:
    """Fire a hook that need not be stored, with a sample job; code, description and details."""
    hook = {**web_hooks.defaults, **params}
    check_web_hook(hook)
    return web_hook_calls.try_out(hook, current_app.config, new_id("w"))
