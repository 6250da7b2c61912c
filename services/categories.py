"""Categories: what events are grouped by, and take limits and actions from."""

from typing import ClassVar

import sqlalchemy as sa

from core.errors import Conflict
from models.category import Category
from models.event import Event
from schemas.actions import check_actions
from schemas.catalogue import check_retention
from schemas.limits import check_limits
from schemas.patterns import Budget
from services import events
from services.access import Caller
from services.catalogue import Catalogue, Document


class Categories(Catalogue):
    """The categories; callers may be limited to some of them."""

    table = Category
    noun = "category"
    prefix = "ca"
    defaults: ClassVar = {"limits": [], "actions": []}
    taken = "That Category ID already exists"
    is_sorted = True

    def allow(self, caller: Caller, key: str) -> None:
        """Limited callers reach their categories only."""
        caller.check({"category": key})

    def may_see(self, caller: Caller, record: Document) -> bool:
        """Limited callers see their categories only."""
        return caller.is_admin or not caller.categories or record["id"] in caller.categories

    def check(self, connection: sa.Connection, record: Document) -> None:
        """Limits and actions must be such that the jobs of events can have them."""
        check_retention(record)
        check_limits(record)
        check_actions(record, events.references(connection), Budget())

    def check_unused(self, connection: sa.Connection, key: str) -> None:
        """Events can't be without their category."""
        if Event.any_in_category(connection, key):
            text = "Failed to delete category: Still in use by one or more events."
            raise Conflict(text, code=self.noun)


categories = Categories()
