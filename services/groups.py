"""Groups: named sets of servers, by which events say where they run."""

from typing import ClassVar

import sqlalchemy as sa

from core import clock
from core.errors import Conflict
from models.event import Event
from models.group import Group
from models.server import Server
from schemas.catalogue import check_group
from schemas.patterns import Budget
from services.access import Caller
from services.catalogue import Catalogue, Document


class Groups(Catalogue):
    """The groups; servers whose host name a group's pattern matches belong to it."""

    table = Group
    noun = "group"
    prefix = "g"
    defaults: ClassVar = {"hostname_match": ""}
    taken = "That Group ID already exists"
    is_sorted = True

    def allow(self, caller: Caller, key: str) -> None:
        """Limited callers reach their groups only."""
        caller.check_group(key)

    def may_see(self, caller: Caller, record: Document) -> bool:
        """Limited callers see their groups only."""
        return caller.is_admin or not caller.groups or record["id"] in caller.groups

    def check(self, _connection: sa.Connection, record: Document) -> None:
        """The pattern must be one."""
        check_group(record)

    def check_unused(self, connection: sa.Connection, key: str) -> None:
        """Events that have lost a target would run elsewhere, or nowhere."""
        for event in Event.mentioning(connection, key):
            if key in event.get("targets", []):
                text = f"Failed to delete group: Still in use by event: {event['id']}"
                raise Conflict(text, code=self.noun)

    def changed(
        self, connection: sa.Connection, before: Document | None, after: Document | None
    ) -> None:
        """Let servers join and leave; those that were assigned by hand stay."""
        for known in Server.all(connection):
            server = Server.for_change(connection, known["id"]) or known
            groups = _groups_of(server, before, after)
            if groups != server.get("groups", []):
                stamp = {"groups": groups, "modified": int(clock.now())}
                Server.replace(connection, server | stamp)


def _groups_of(server: Document, before: Document | None, after: Document | None) -> list[str]:
    """The ids of a server's groups, after one group has changed."""
    groups: list[str] = server.get("groups", [])
    if after is not None and _matches(after, server):
        return groups if after["id"] in groups else [*groups, after["id"]]
    if before is not None and (after is None or _matches(before, server)):
        return [group for group in groups if group != before["id"]]
    return groups


def _matches(group: Document, server: Document) -> bool:
    pattern = group.get("hostname_match")
    return bool(pattern) and Budget().matches(pattern, str(server.get("hostname", "")))


groups = Groups()
