"""Buckets: the parameters of their endpoints."""

from core.errors import BadRequest
from schemas.catalogue import ChangedRecord, NewRecord
from schemas.wire import Anything, Id, IdRequest, Parameters, Pattern, RequestSchema


class _Bucket(RequestSchema):
    data = Anything(metadata={"description": "An object: the data in it."})


class CreateBucket(_Bucket, NewRecord):
    """A new bucket."""


class UpdateBucket(_Bucket, ChangedRecord):
    """Changes of a bucket."""


class WriteBucketData(IdRequest):
    """Which bucket, and members for its data."""

    data = Anything(required=True, metadata={"description": "An object: members that are set."})

    def parse(self, values: Parameters) -> Parameters:
        """Both, the data being an object."""
        parsed = super().parse(values)
        if not isinstance(parsed["data"], dict):
            raise BadRequest("Malformed bucket parameter: data (must be an object)")
        return parsed


class DeleteBucketFile(RequestSchema):
    """Which file of which bucket."""

    id = Id(required=True, metadata={"description": "The bucket's id."})
    filename = Pattern("", required=True, metadata={"description": "The file's `filename`."})
