"""Buckets: data and files that jobs leave for other jobs."""

from collections.abc import Collection, Mapping, Sequence
from typing import Any, ClassVar

import sqlalchemy as sa

from core import json
from core.errors import BadRequest, NotFound
from core.formats import size_text
from models.bucket import Bucket, BucketContents
from models.database import db
from models.stored_file import StoredFile
from services import audit, doorbell, files
from services.access import Caller
from services.catalogue import Catalogue, Document

_MOST_DATA_CHARS = 16 * 1024 * 1024
_MOST_FILES = 1000


class Buckets(Catalogue):
    """The buckets; they are the same for every caller, and events may name missing ones."""

    table = Bucket
    noun = "bucket"
    prefix = "b"
    defaults: ClassVar = {"enabled": True}
    taken = "That Bucket ID already exists"

    def given(self, params: Mapping[str, Any]) -> Document:
        """All but what is in it."""
        record = super().given(params)
        return {key: value for key, value in record.items() if key not in ("data", "files")}

    def keep_apart(self, connection: sa.Connection, key: str, params: Mapping[str, Any]) -> None:
        """The data, in place of those before."""
        BucketContents.add(connection, key)
        if params.get("data") is not None:
            BucketContents.put(connection, key, data=_checked(params["data"]))

    def changed(
        self, connection: sa.Connection, before: Document | None, after: Document | None
    ) -> None:
        """What is in a deleted bucket goes with it."""
        if before is not None and after is None:
            _, there = BucketContents.get(connection, before["id"])
            files.release(connection, [file["path"] for file in there])
            BucketContents.remove(connection, before["id"])

    def contents(self, key: str) -> tuple[Document, list[Document]]:
        """Data and files of a bucket; raises `NotFound`."""

        def read(connection: sa.Connection) -> tuple[Document, list[Document]]:
            if Bucket.get(connection, key) is None:
                raise NotFound(f"Failed to locate bucket: {key}")
            return BucketContents.get(connection, key)

        return db.read(read)

    def write(self, key: str, data: Document, caller: Caller) -> None:
        """Merge members into a bucket's data."""

        def work(connection: sa.Connection) -> None:
            record = self._for_change(connection, key, "write")
            merge(connection, key, data)
            audit.record(connection, caller, "bucket_write", record["title"], [key])

        db.write(work)
        doorbell.ring()

    def upload(self, key: str, uploads: Sequence[files.Upload], caller: Caller) -> None:
        """Put files into a bucket, in place of those of the same names: all of them, or none."""

        def note(connection: sa.Connection, stored: Sequence[Document]) -> None:
            record = self._for_change(connection, key, "upload to")
            put(connection, key, stored)
            words = [key, *(file["id"] for file in stored)]
            audit.record(connection, caller, "bucket_upload", record["title"], words)

        files.upload_into(f"bucket_{key}", uploads, caller, note)
        doorbell.ring()

    def delete_file(self, key: str, filename: str, caller: Caller) -> None:
        """Take a file out of a bucket; raises `NotFound`."""

        def work(connection: sa.Connection) -> None:
            record = self._for_change(connection, key, "delete a file of")
            if not _take_out(connection, key, {filename}):
                raise NotFound(f"Bucket file not found: {filename}", code="bucket")
            audit.record(connection, caller, "bucket_delete_file", record["title"], [key])

        db.write(work)
        doorbell.ring()


buckets = Buckets()


def merge(connection: sa.Connection, key: str, data: Document) -> None:
    """Merge members into a bucket's data; raises `BadRequest` when these become too large."""
    before, _ = BucketContents.get(connection, key)
    BucketContents.put(connection, key, data=_checked({**before, **data}))


def put(connection: sa.Connection, key: str, stored: Sequence[Document]) -> None:
    """Keep stored files in a bucket, in place of those of the same names."""
    StoredFile.keep(connection, [file["path"] for file in stored])
    # Of two new ones of one name the last one counts.
    newest = {file["filename"]: file for file in stored}
    files.release(connection, [file["path"] for file in stored if file not in newest.values()])
    _take_out(connection, key, newest.keys())
    _, there = BucketContents.get(connection, key)
    if len(there) + len(newest) > _MOST_FILES:
        raise BadRequest(f"Bucket would have more than {_MOST_FILES} files", code="bucket")
    BucketContents.put(connection, key, files=[*there, *newest.values()])


def _take_out(connection: sa.Connection, key: str, names: Collection[str]) -> bool:
    """Remove the files of these names; whether there were any."""
    _, there = BucketContents.get(connection, key)
    gone = [file["path"] for file in there if file["filename"] in names]
    if gone:
        kept = [file for file in there if file["path"] not in gone]
        BucketContents.put(connection, key, files=kept)
        files.release(connection, gone)
    return bool(gone)


def _checked(data: Any) -> Document:
    if not isinstance(data, dict):
        raise BadRequest("Malformed bucket parameter: data (must be an object)")
    if len(json.dumps(data)) > _MOST_DATA_CHARS:
        most = size_text(_MOST_DATA_CHARS)
        raise BadRequest(f"Bucket data would be larger than {most}", code="bucket")
    return data
