"""Idempotency: a run that is asked for twice with the same key is accepted once."""

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import sqlalchemy as sa
from flask import current_app

from core import clock, json
from core.aside import aside
from core.errors import Conflict
from models.database import db
from models.idempotency_key import IdempotencyKey
from schemas.run import Upload

_REUSED = "Idempotency key was used before, for a different request."


@dataclass(frozen=True)
class Claim:
    """That one request is the only one with its key; both are digests, hexadecimal."""

    digest: str
    request: str
    #: Keys that were used before this, Unix seconds, are forgotten.
    since: float

    def take(self, connection: sa.Connection, job_id: str) -> str:
        """The id of the job that the key is for: this one or, if others were first, theirs.

        Raises `Conflict` when theirs was another request.
        """
        values = {"digest": self.digest, "request": self.request, "job": job_id}
        if IdempotencyKey.take(connection, self.since, created=clock.now(), **values):
            return job_id
        return self.job_before(connection) or job_id

    def job_before(self, connection: sa.Connection) -> str | None:
        """The id of the job that was accepted for the key; raises `Conflict`."""
        row = IdempotencyKey.find(connection, self.digest, self.since)
        if row is None:
            return None
        if row.request != self.request:
            raise Conflict(_REUSED)
        return str(row.job)


def claim(
    key: str | None,
    owner: Sequence[str],
    params: Mapping[str, Any],
    uploads: Sequence[Upload],
) -> Claim | None:
    """The claim of a request on a key; none without a key.

    `owner` says whose key it is: who calls, for what event. Of files, names and sizes count.
    """
    if key is None:
        return None
    files = [[upload.field, upload.filename, upload.size_bytes] for upload in uploads]
    since = clock.now() - current_app.config["IDEMPOTENCY_LIFETIME"]
    return Claim(_digest([*owner, key]), aside(_digest, [params, files]), since)


def _digest(value: Any) -> str:
    return hashlib.sha256(json.canonical(value).encode("utf-8", "replace")).hexdigest()


def accepted_before(claimed: Claim | None) -> str | None:
    """The id of the job that a key has brought already, if any; raises `Conflict`."""
    return None if claimed is None else db.read(claimed.job_before)
