"""API keys: their records, of which the plain key is shown once and only hashes are kept."""

from collections.abc import Mapping
from typing import Any

import sqlalchemy as sa

from core import clock, javascript, json
from core.config import Settings
from core.errors import NotFound
from core.ids import new_id, random_name
from core.tokens import key_digest, key_hash, key_mask
from models.api_key import ApiKey
from models.database import db
from services import audit, rates
from services.access import OPERATOR, Caller, Privilege
from services.documents import Listing

Document = dict[str, Any]

#: The record that the administrator's key of the settings opens.
ADMIN_ID = "kadmin"
#: What callers can't set: the server does.
_OURS = frozenset({"id", "key", "mask", "username", "created", "modified", "revision"})


def listing() -> Listing:
    """All records, newest first."""
    return Listing(ApiKey, newest_first=True)


def get(key_id: str) -> Document:
    """One record; raises `NotFound`."""
    record = db.read(lambda connection: ApiKey.get(connection, key_id))
    if record is None:
        raise NotFound(f"Failed to locate API Key: {key_id}")
    return record


def create(params: Mapping[str, Any], caller: Caller) -> tuple[Document, str]:
    """Make a key; returns its record and the plain key, which nobody can show again."""
    record = _new_record(new_id("k"), params, caller.name)
    plain_key = random_name()

    def work(connection: sa.Connection) -> None:
        _add(connection, record, plain_key)
        _record(connection, caller, "apikey_create", record)

    db.write(work)
    return record, plain_key


def update(key_id: str, changes: Mapping[str, Any], caller: Caller) -> None:
    """Change any part of a record that is not the server's to set; raises `NotFound`."""
    ours_kept = {key: value for key, value in changes.items() if key not in _OURS}

    def work(connection: sa.Connection) -> None:
        record = ApiKey.for_change(connection, key_id)
        if record is None:
            raise NotFound("Failed to update API Key: Error: Item not found", code="api_key")
        revised = _revised(record, ours_kept)
        ApiKey.replace(connection, revised)
        _record(connection, caller, "apikey_update", revised)

    db.write(work)


def delete(key_id: str, caller: Caller) -> None:
    """Remove a key; raises `NotFound`."""

    def work(connection: sa.Connection) -> None:
        record = ApiKey.for_change(connection, key_id)
        if record is None or not ApiKey.delete(connection, key_id):
            raise NotFound("Failed to delete API Key: Error: Item not found", code="api_key")
        rates.forget_key(connection, key_id)
        _record(connection, caller, "apikey_delete", record)

    db.write(work)


def _record(connection: sa.Connection, caller: Caller, action: str, record: Document) -> None:
    """Record a change of a key, without the hash that it is known by."""
    shown = {key: value for key, value in record.items() if key != "key"}
    audit.record(connection, caller, action, record["title"], [record["id"]], api_key=shown)


def ensure_admin(connection: sa.Connection, settings: Settings) -> str | None:
    """Make sure that an administrator can call; returns a plain key if one was made just now.

    With ADMIN_KEY set, that key works and no other ADMIN_KEY of earlier starts does. Without it
    a key is made when there is none at all.
    """
    if settings["ADMIN_KEY"]:
        _admit(connection, settings["ADMIN_KEY"])
    elif not ApiKey.all(connection):
        plain_key = random_name()
        _add(connection, _admin_record(new_id("k")), plain_key)
        return plain_key
    return None


def _admit(connection: sa.Connection, plain_key: str) -> None:
    """Let exactly this plain key open the administrator's record."""
    text = ApiKey.text_by_digest(connection, key_digest(plain_key))
    owner = None if text is None else json.loads(text)
    if owner is not None and owner["id"] != ADMIN_ID:
        # It is an ordinary key already: that record becomes the administrator's.
        powers = {"active": 1, "expires": 0, "privileges": {Privilege.ADMIN: True}}
        ApiKey.replace(connection, _revised(owner, powers))
        ApiKey.delete(connection, ADMIN_ID)
        return
    before = ApiKey.get(connection, ADMIN_ID)
    if before is None:
        _add(connection, _admin_record(ADMIN_ID), plain_key)
        return
    record = _admin_record(ADMIN_ID) | _secrets_of(plain_key, ADMIN_ID)
    record |= {"created": before["created"], "revision": before["revision"] + 1}
    ApiKey.replace(connection, record)
    ApiKey.set_digest(connection, ADMIN_ID, key_digest(plain_key))


def _admin_record(key_id: str) -> Document:
    params = {"title": "Administrator", "privileges": {Privilege.ADMIN: True}}
    return _new_record(key_id, params, OPERATOR.name)


def _new_record(key_id: str, params: Mapping[str, Any], username: str) -> Document:
    """A record as it is before its key is known."""
    now = int(clock.now())
    given = {key: value for key, value in params.items() if key not in _OURS}
    if not javascript.is_truthy(given.get("active")):
        given["active"] = 1
    defaults = {"description": "", "privileges": {}}
    times = {"modified": now, "created": now, "revision": 1}
    return {**defaults, **given, "id": key_id, "username": username, **times}


def _revised(record: Document, changes: Mapping[str, Any]) -> Document:
    stamp = {"modified": int(clock.now()), "revision": record.get("revision", 0) + 1}
    return {**record, **changes, **stamp}


def _add(connection: sa.Connection, record: Document, plain_key: str) -> None:
    """Store the record with the hashes of its key, which it then shows."""
    record.update(_secrets_of(plain_key, record["id"]))
    ApiKey.add(connection, record, key_digest(plain_key))


def _secrets_of(plain_key: str, key_id: str) -> Document:
    return {"key": key_hash(plain_key, key_id), "mask": key_mask(plain_key)}
