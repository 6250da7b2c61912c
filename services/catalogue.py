"""What categories, tags, plugins and groups have in common: lists of records that events name."""

from collections.abc import Mapping, Sequence
from functools import partial
from typing import Any, ClassVar

import sqlalchemy as sa

from core import clock
from core.errors import Conflict, NotAuthenticated, NotFound
from core.ids import new_id
from core.javascript import is_truthy, to_string
from models.database import db
from models.document import DocumentTable
from services import audit, daily_counts, doorbell
from services.access import Caller
from services.documents import Listing
from services.filters import loosely_equal

Document = dict[str, Any]

#: What only we set.
_OURS = ("username", "created", "modified", "revision")


class Catalogue:
    """Finding and changing the records of one table; what differs is overridden."""

    table: ClassVar[type[DocumentTable]]
    #: What messages, error codes and the transaction log call a record.
    noun: ClassVar[str]
    #: How ids begin that are made up.
    prefix: ClassVar[str]
    defaults: ClassVar[Mapping[str, Any]] = {}
    #: The message for an id that exists already goes on with that id.
    taken: ClassVar[str]
    #: Whether new records get a `sort_order` after all others.
    is_sorted: ClassVar[bool] = False
    #: Whether their uses are counted by the day, as those of the noun.
    is_counted: ClassVar[bool] = False

    def allow(self, caller: Caller, key: str) -> None:
        """Raise `Forbidden` where the caller has no access to the record with this id."""

    def may_see(self, _caller: Caller, _record: Document) -> bool:
        """Whether lists show a record to the caller."""
        return True

    def check(self, connection: sa.Connection, record: Document) -> None:
        """Raise `BadRequest` where a record could not be worked with."""

    def check_unused(self, connection: sa.Connection, key: str) -> None:
        """Raise `Conflict` where the record with this id can't be missed."""

    def given(self, params: Mapping[str, Any]) -> Document:
        """What of the parameters becomes part of the record."""
        return {key: value for key, value in params.items() if key not in _OURS}

    def keep_apart(self, connection: sa.Connection, key: str, params: Mapping[str, Any]) -> None:
        """Keep what of the parameters must not be in the record with this id."""

    def changed(
        self, connection: sa.Connection, before: Document | None, after: Document | None
    ) -> None:
        """Do what follows from a change; nothing before is a new record, nothing after none."""

    def listing(self, caller: Caller) -> Listing:
        """The records that the caller may see, in order of creation."""
        return Listing(self.table, None if caller.is_unlimited else partial(self.may_see, caller))

    def get(self, key: str, caller: Caller) -> Document:
        """One record; raises `NotFound`."""
        record = db.read(lambda connection: self.table.get(connection, key))
        if record is None:
            raise NotFound(f"Failed to locate {self.noun}: {key}")
        self.allow(caller, key)
        return record

    def create(self, params: Mapping[str, Any], caller: Caller) -> Document:
        """Store a new record; returns it as stored."""
        now = int(clock.now())
        record = {**self.defaults, **self.given(params), "username": caller.name}
        record |= {"modified": now, "created": now, "revision": 1}
        record["id"] = record.get("id") or new_id(self.prefix)
        self.allow(caller, record["id"])

        def work(connection: sa.Connection) -> None:
            if self.is_sorted and "sort_order" not in record:
                record["sort_order"] = self._last_place(connection) + 1
            self.check(connection, record)
            if not self.table.insert(connection, record):
                raise Conflict(f"{self.taken}: {record['id']}", code=self.noun)
            self.keep_apart(connection, record["id"], params)
            self.changed(connection, None, record)
            self._log(connection, caller, "create", record)

        db.write(work)
        doorbell.ring()
        return record

    def update(self, params: Mapping[str, Any], caller: Caller) -> None:
        """Merge `params` into the record that their `id` names."""

        def work(connection: sa.Connection) -> None:
            before = self._for_change(connection, params["id"], "update")
            self.allow(caller, params["id"])
            _check_revision(params.get("revision"), before, self.noun)
            after = self._merge(connection, before, params)
            self._log(connection, caller, "update", after)

        db.write(work)
        doorbell.ring()

    def update_many(self, items: Sequence[Mapping[str, Any]], caller: Caller) -> None:
        """Merge each item into the record that its `id` names; unknown ones are left out."""
        if not items:
            text = "Request missing 'items' parameter, or has zero length."
            raise NotAuthenticated(text)
        self.allow(caller, "*")

        def work(connection: sa.Connection) -> None:
            # Always in one order, so that two callers never wait for each other.
            for item in sorted(items, key=lambda item: str(item["id"])):
                before = self.table.for_change(connection, item["id"])
                if before is not None:
                    self._merge(connection, before, item)
            ids = [item["id"] for item in items]
            action = f"{self.noun}_multi_update"
            audit.record(connection, caller, action, ", ".join(ids), ids, items=list(items))

        db.write(work)
        doorbell.ring()

    def delete(self, key: str, caller: Caller) -> None:
        """Remove a record that nothing needs."""

        def work(connection: sa.Connection) -> None:
            record = self._for_change(connection, key, "delete")
            self.allow(caller, key)
            self.check_unused(connection, key)
            self.table.delete(connection, key)
            if self.is_counted:
                # Another one of the same id begins anew.
                daily_counts.forget(connection, self.noun, key)
            self.changed(connection, record, None)
            self._log(connection, caller, "delete", record)

        db.write(work)
        doorbell.ring()

    def _merge(
        self, connection: sa.Connection, before: Document, params: Mapping[str, Any]
    ) -> Document:
        stamp = {"modified": int(clock.now()), "revision": before.get("revision", 0) + 1}
        after = {**before, **self.given(params), **stamp}
        self.check(connection, after)
        self.table.replace(connection, after)
        self.keep_apart(connection, after["id"], params)
        self.changed(connection, before, after)
        return after

    def _for_change(self, connection: sa.Connection, key: str, verb: str) -> Document:
        record = self.table.for_change(connection, key)
        if record is None:
            text = f"Failed to {verb} {self.noun}: Error: Item not found"
            raise NotFound(text, code=self.noun)
        return record

    def _last_place(self, connection: sa.Connection) -> float:
        places = (record.get("sort_order") for record in self.table.all(connection))
        return max((place for place in places if isinstance(place, (int, float))), default=-1)

    def _log(self, connection: sa.Connection, caller: Caller, verb: str, record: Document) -> None:
        words, snapshot = [record["id"]], {self.noun: record}
        action = f"{self.noun}_{verb}"
        audit.record(connection, caller, action, record["title"], words, **snapshot)


def _check_revision(sent: Any, record: Document, noun: str) -> None:
    """Who names a revision wants to change no other one."""
    if is_truthy(sent) and not loosely_equal(sent, record.get("revision")):
        text = f"Revision mismatch: {to_string(sent)} != {record.get('revision')}"
        name = noun.capitalize()
        raise Conflict(f"{name} out of date: {record['id']} ({text})", code=noun)
