"""The endpoints of buckets."""

from typing import Any

from flask import g

from blueprints.replies import Returned
from blueprints.wire import BODY, MERGED, ApiBlueprint, NoParameters, array_reply, params, requires
from schemas.bucket import CreateBucket, DeleteBucketFile, UpdateBucket, WriteBucketData
from schemas.catalogue import RecordId
from schemas.replies import BucketReply, FullBucketReply, RowsReply
from schemas.run import Upload, check_uploads
from services.access import Caller, Privilege
from services.buckets import buckets

bp = ApiBlueprint("buckets", __name__)


@bp.api("get_buckets", returns=RowsReply)
@params(NoParameters, source=MERGED)
@requires(unlimited=True)
def get_buckets(caller: Caller) -> Returned:
    """List the buckets in order of creation; replies with `rows` and `list.length`."""
    found = buckets.listing(caller)
    return array_reply("rows", found, {"list": found.length_text})


@bp.api("get_bucket", returns=FullBucketReply)
@params(RecordId, source=MERGED)
@requires(unlimited=True)
def get_bucket(caller: Caller, id: str) -> Returned:
    """Show one bucket and what is in it; replies with `bucket`, `data` and `files`."""
    bucket = buckets.get(id, caller)
    data, files = buckets.contents(id)
    return {"bucket": bucket, "data": data, "files": files}


@bp.api("create_bucket", returns=BucketReply)
@params(CreateBucket, source=BODY)
@requires(Privilege.CREATE_BUCKETS, unlimited=True)
def create_bucket(caller: Caller, params: dict[str, Any]) -> Returned:
    """Create a bucket; replies with `bucket` as it was stored."""
    return {"bucket": buckets.create(params, caller)}


@bp.api("update_bucket")
@params(UpdateBucket, source=BODY)
@requires(Privilege.EDIT_BUCKETS, unlimited=True)
def update_bucket(caller: Caller, params: dict[str, Any]) -> None:
    """Change a bucket: every parameter replaces the key of its name, `data` all data."""
    buckets.update(params, caller)


@bp.api("write_bucket_data")
@params(WriteBucketData, source=BODY)
@requires(Privilege.EDIT_BUCKETS, unlimited=True)
def write_bucket_data(caller: Caller, id: str, data: dict[str, Any]) -> None:
    """Set members of a bucket's data; the others stay."""
    buckets.write(id, data, caller)


def _uploads(**arguments: Any) -> dict[str, Any]:
    """The files of the request, of which there must be some, all sound."""
    check_uploads(g.incoming.uploads, needs_some=True)
    return {**arguments, "uploads": g.incoming.uploads}


@bp.api("upload_bucket_files")
@params(RecordId, source=MERGED, prepare=_uploads)
@requires(Privilege.EDIT_BUCKETS, unlimited=True)
def upload_bucket_files(caller: Caller, id: str, uploads: list[Upload]) -> None:
    """Put the files of a multipart request into a bucket, in place of those of the same names."""
    buckets.upload(id, uploads, caller)


@bp.api("delete_bucket_file")
@params(DeleteBucketFile, source=MERGED)
@requires(Privilege.EDIT_BUCKETS, unlimited=True)
def delete_bucket_file(caller: Caller, id: str, filename: str) -> None:
    """Take one file out of a bucket."""
    buckets.delete_file(id, filename, caller)


@bp.api("delete_bucket")
@params(RecordId, source=BODY)
@requires(Privilege.DELETE_BUCKETS, unlimited=True)
def delete_bucket(caller: Caller, id: str) -> None:
    """Delete a bucket and what is in it; actions that name it fail from now on."""
    buckets.delete(id, caller)
