"""Secrets: values that jobs, plugins and web hooks get, and that nobody sees otherwise."""

from collections.abc import Mapping, Sequence
from typing import Any, ClassVar

import sqlalchemy as sa
from flask import current_app

from core import json
from core.config import Settings
from core.errors import Conflict
from core.ids import new_id
from core.sealing import SealError, seal, unseal
from models.database import db
from models.secret import SealedValues, Secret
from schemas.secret import OWNERS, check_secret, check_values
from services import audit
from services.access import Caller
from services.catalogue import Catalogue, Document

#: Where the sealed values are among parameters, on their way to their own table.
_SEALED = "sealed values"
#: Which lists of a secret name a job's records; of equal names the last one's value counts.
_OF_JOBS = (("events", "event"), ("categories", "category"), ("plugins", "plugin"))


class Secrets(Catalogue):
    """The secrets. Their values never are in a record: only in a table of their own, sealed."""

    table = Secret
    noun = "secret"
    prefix = "z"
    defaults: ClassVar = {"enabled": True, "names": [], **{key: [] for key in OWNERS}}
    taken = "That Secret ID already exists"

    def create(self, params: Mapping[str, Any], caller: Caller) -> Document:
        """Store a new secret; returns what is known of it."""
        return super().create(_sealed(params, params.get("id") or new_id(self.prefix)), caller)

    def update(self, params: Mapping[str, Any], caller: Caller) -> None:
        """Change a secret; `fields` replace all of its values."""
        super().update(_sealed(params, params["id"]), caller)

    def given(self, params: Mapping[str, Any]) -> Document:
        """All but the values."""
        return {key: value for key, value in super().given(params).items() if key != _SEALED}

    def check(self, _connection: sa.Connection, record: Document) -> None:
        """It must be clear who gets the values."""
        check_secret(record)

    def keep_apart(self, connection: sa.Connection, key: str, params: Mapping[str, Any]) -> None:
        """The values, sealed."""
        if _SEALED in params:
            SealedValues.put(connection, key, params[_SEALED])

    def changed(
        self, connection: sa.Connection, before: Document | None, after: Document | None
    ) -> None:
        """A deleted secret takes its values along."""
        if before is not None and after is None:
            SealedValues.remove(connection, before["id"])

    def decrypt(self, key: str, caller: Caller) -> list[Document]:
        """The values with their names; that somebody asked for them is recorded."""
        settings = current_app.config

        def work(connection: sa.Connection) -> dict[str, str]:
            record = self._for_change(connection, key, "decrypt")
            audit.record(connection, caller, "secret_decrypt", record["title"], [key])
            return _values(connection, record, settings)

        try:
            found = db.write(work)
        except SealError as error:
            raise Conflict(str(error), code="secret") from None
        return [{"name": name, "value": value} for name, value in found.items()]


secrets = Secrets()


def _sealed(params: Mapping[str, Any], key: str) -> Document:
    """The parameters for the secret with this id, with the names of its values in their place."""
    kept = {name: value for name, value in params.items() if name not in ("fields", "names")}
    kept["id"] = key
    values = params.get("fields")
    if values is not None:
        check_values(values)
        kept["names"] = [value["name"] for value in values]
        text = json.dumps([[value["name"], value["value"]] for value in values])
        kept[_SEALED] = seal(text.encode(), current_app.config["VAULT_KEY"], key)
    return kept


def of_job(
    connection: sa.Connection, records: Sequence[Document], job: Document, settings: Settings
) -> dict[str, str]:
    """The values that a job's process gets, by their names; `records` are all secrets.

    Raises `SealError` where one of them can't be unsealed.
    """
    found: dict[str, str] = {}
    for owners, named in _OF_JOBS:
        found |= _assigned(connection, records, owners, job.get(named), settings)
    return found


def assigned(owners: str, key: str, settings: Settings) -> dict[str, str]:
    """The values that one of the `web_hooks` or `plugins` gets, by their names.

    Raises `SealError`.
    """

    def read(connection: sa.Connection) -> dict[str, str]:
        return _assigned(connection, Secret.all(connection), owners, key, settings)

    return db.read(read)


def _assigned(
    connection: sa.Connection,
    records: Sequence[Document],
    owners: str,
    key: Any,
    settings: Settings,
) -> dict[str, str]:
    """The values of those secrets that are enabled and name this key among these owners."""
    found: dict[str, str] = {}
    for record in records:
        if record.get("enabled") and key in record.get(owners, ()):
            found |= _values(connection, record, settings)
    return found


def _values(connection: sa.Connection, record: Document, settings: Settings) -> dict[str, str]:
    sealed = SealedValues.get(connection, record["id"])
    if sealed is None:
        return {}
    try:
        return dict(json.loads(unseal(sealed, settings["VAULT_KEY"], record["id"])))
    except SealError as error:
        raise SealError(f"Failed to decrypt secret: #{record['id']}: {error}") from None
