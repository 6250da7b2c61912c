"""Parameters of the endpoints that read and change jobs."""

import math
from typing import Any

from marshmallow import post_load

from core.errors import BadRequest
from core.javascript import is_truthy
from schemas.wire import (
    Array,
    Flag,
    Id,
    IdRequest,
    Integer,
    Names,
    Object,
    Parameters,
    Pattern,
    RequestSchema,
)

#: Past the end of every list.
_BEYOND = 2**53
_JOB_ID = "The job's id."


class JobId(IdRequest):
    """An endpoint that needs nothing but a job's id."""

    id = Id(required=True, metadata={"description": _JOB_ID})


class ActiveJobs(RequestSchema):
    """Paging and sorting of live jobs; every other parameter is a filter."""

    is_checked = False
    rest = "filters"

    offset = Integer(load_default=0, metadata={"description": "Rows to leave out at the start."})
    limit = Integer(load_default=0, metadata={"description": "The most rows; 0 is all."})
    sort_by = Pattern(
        "", load_default="started", metadata={"description": "The numeric key to sort by."}
    )
    sort_dir = Integer(load_default=-1, metadata={"description": "1 ascending, -1 descending."})

    @post_load
    def _as_slice(self, values: Parameters, **_: Any) -> Parameters:
        """Numbers as JavaScript's `slice` and `sort` take them."""
        offset, limit = values["offset"], values["limit"]
        return {
            "offset": _BEYOND if math.isnan(offset) else int(offset),
            "limit": 0 if math.isnan(limit) else int(limit),
            "sort_by": values["sort_by"] or "started",
            "sort_dir": values["sort_dir"] or -1,
        }


class GetJob(RequestSchema):
    """Which job, and what to leave out of it."""

    id = Id(required=True, metadata={"description": _JOB_ID})
    remove = Names(
        load_default=(),
        metadata={"description": "Keys to leave out: an array, or a text with commas."},
    )


class JobIds(Names):
    """A list of job ids that must not be empty; the ids themselves may be anything."""

    def _validate_missing(self, value: Any) -> None:
        if not is_truthy(value) or not isinstance(value, (str, list)) or value == []:
            raise BadRequest("Missing or malformed ids parameter.", code="job")


class GetJobs(RequestSchema):
    """Which jobs, and whether to show them whole."""

    is_checked = False

    ids = JobIds(
        required=True, metadata={"description": "Job ids: an array, or a text with commas."}
    )
    verbose = Flag(
        load_default=False, metadata={"description": "Also show activity, input, data, files …"}
    )


class ResumeJob(RequestSchema):
    """Which suspended job, and what to change before it goes on."""

    id = Id(required=True, metadata={"description": _JOB_ID})
    params = Object(
        load_default=None, metadata={"description": "Merged into the job's own parameters."}
    )
    redirect = Pattern(
        r"^\w+\Z", load_default=None, metadata={"description": "The workflow node to go on with."}
    )


class UpdateJob(RequestSchema):
    """Which job; every other parameter is a key to set."""

    rest = "changes"

    id = Id(required=True, metadata={"description": _JOB_ID})


class ActiveJobSummary(RequestSchema):
    """Every parameter is a filter."""

    is_checked = False
    rest = "filters"


class _Names(RequestSchema):
    """Which job, and all names of one kind that it has from now on."""

    id = Id(required=True, metadata={"description": _JOB_ID})

    def parse(self, values: Parameters) -> Parameters:
        """The view's arguments; no other parameters are allowed here."""
        arguments = super().parse(values)
        if len(values) > len(arguments):
            raise BadRequest("Too many properties in params", code="job")
        return arguments


class ManageJobTags(_Names):
    """Which job, and all tags that it has from now on."""

    tags = Array(required=True, metadata={"description": "Ids of tags; they replace all others."})


class ManageJobTickets(_Names):
    """Which job, and all tickets that it has from now on."""

    tickets = Array(
        required=True, metadata={"description": "Ids of tickets; they replace all others."}
    )
