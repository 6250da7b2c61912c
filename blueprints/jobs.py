"""The endpoints that read and change jobs."""

from collections.abc import Iterator
from typing import Any

from flask import request

from blueprints.replies import Returned
from blueprints.wire import BODY, MERGED, ApiBlueprint, array_reply, params, requires, spliced
from schemas.event_request import EventId
from schemas.job import (
    ActiveJobs,
    ActiveJobSummary,
    GetJob,
    GetJobs,
    JobId,
    ManageJobTags,
    ManageJobTickets,
    ResumeJob,
    UpdateJob,
)
from schemas.replies import (
    CountReply,
    EnabledReply,
    JobReply,
    JobsReply,
    NodesReply,
    RowsReply,
    SummaryReply,
)
from services import active_jobs, active_summaries, job_changes, jobs, live_changes
from services.access import Caller, Privilege

bp = ApiBlueprint("jobs", __name__)

#: How many jobs one piece of a long reply holds, and how many with all that there is of them.
_CHUNK = 200
_LARGE_CHUNK = 10


@bp.api("get_active_jobs", returns=RowsReply)
@params(ActiveJobs, source=MERGED)
@requires()
def get_active_jobs(caller: Caller, filters: dict[str, Any], **paging: Any) -> Returned:
    """List live jobs: queued, delayed, running, suspended and finishing ones.

    Every parameter that is not named below is a filter: a key that jobs must have, and its value.
    Replies with `rows`, and with `list.length`, the number of rows before paging.
    """
    found = active_jobs.listing(filters, caller, **paging)
    return array_reply("rows", found, {"list": found.length_text})


@bp.api("get_active_job_summary", returns=SummaryReply)
@params(ActiveJobSummary, source=MERGED)
@requires()
def get_active_job_summary(caller: Caller, filters: dict[str, Any]) -> Returned:
    """Count live jobs by event, and within each by state, source and target.

    Every parameter is a filter, as for get_active_jobs. Replies with `events`, by their ids.
    """
    return {"events": active_summaries.by_event(filters, caller)}


@bp.api("get_workflow_job_summary", returns=NodesReply)
@params(ActiveJobSummary, source=MERGED)
@requires()
def get_workflow_job_summary(caller: Caller, filters: dict[str, Any]) -> Returned:
    """Count live jobs of workflows by node.

    Every parameter is a filter: a path into the job, such as `workflow.job`, and the value there.
    Replies with `nodes`, by their ids.
    """
    return {"nodes": active_summaries.by_node(filters, caller)}


@bp.api("get_job", returns=JobReply)
@params(GetJob, source=MERGED)
@requires()
def get_job(caller: Caller, id: str, remove: list[str]) -> Returned:
    """Show one job, live or completed.

    Replies with `job`, and with `token`, which opens the job's log without a key.
    """
    text = jobs.get_text(id, caller, remove)
    return spliced({"job": text, "token": f'"{jobs.download_token(id)}"'})


@bp.api("get_jobs", returns=JobsReply)
@params(GetJobs, source=MERGED)
@requires()
def get_jobs(caller: Caller, ids: list[str], verbose: bool) -> Returned:
    """Show several jobs.

    Replies with `jobs`, one for each id and in the same order; for a job that does not exist or
    is out of reach `{"err": …}` stands in its place.
    """

    def chunks() -> Iterator[list[str]]:
        size = _LARGE_CHUNK if verbose else _CHUNK
        for start in range(0, len(ids), size):
            yield jobs.many_texts(ids[start : start + size], caller, verbose=verbose)

    return array_reply("jobs", chunks())


@bp.api("abort_job")
@params(JobId, source=MERGED)
@requires(Privilege.ABORT_JOBS)
def abort_job(caller: Caller, id: str) -> None:
    """Abort a job that has not ended.

    Replies at once; the job is complete when nothing of it is left.
    """
    job_changes.abort(id, caller)


@bp.api("resume_job")
@params(ResumeJob, source=MERGED)
@requires(Privilege.RUN_JOBS)
def resume_job(
    caller: Caller, id: str, params: dict[str, Any] | None, redirect: str | None
) -> None:
    """Let a suspended job go on."""
    agent = request.headers.get("User-Agent", "")
    job_changes.resume(id, params, redirect, caller, request.remote_addr or "", agent)


@bp.api("job_skip_delay")
@params(JobId, source=BODY)
@requires(Privilege.RUN_JOBS)
def job_skip_delay(caller: Caller, id: str) -> None:
    """End the delay of a job that waits for its start or its retry."""
    live_changes.skip_delay(id, caller)


@bp.api("job_toggle_notify_me", returns=EnabledReply)
@params(JobId, source=BODY)
@requires()
def job_toggle_notify_me(caller: Caller, id: str) -> Returned:
    """Add or remove an action of a live job that mails its end to the user who calls.

    Replies with `enabled`: whether the action is there now. API keys have no address.
    """
    return {"enabled": live_changes.toggle_notice(id, caller)}


@bp.api("delete_job")
@params(JobId, source=MERGED)
@requires(Privilege.DELETE_JOBS)
def delete_job(caller: Caller, id: str) -> None:
    """Delete a completed job with its log and files."""
    job_changes.delete(id, caller)


@bp.api("update_job")
@params(UpdateJob, source=BODY)
@requires(Privilege.ADMIN)
def update_job(caller: Caller, id: str, changes: dict[str, Any]) -> None:
    """Set any keys of a job.

    Of a completed job, numbers also take `"+1"` or `"-1"`, and lists `"+item,-item"`. Keys of a
    live job that the engine sets are refused.
    """
    job_changes.update(id, changes, caller)


@bp.api("manage_job_tags")
@params(ManageJobTags, source=BODY)
@requires(Privilege.TAG_JOBS)
def manage_job_tags(caller: Caller, id: str, tags: list[str]) -> None:
    """Replace all tags of a completed job."""
    job_changes.set_names("tags", id, tags, caller)


@bp.api("manage_job_tickets")
@params(ManageJobTickets, source=BODY)
@requires(Privilege.EDIT_TICKETS)
def manage_job_tickets(caller: Caller, id: str, tickets: list[str]) -> None:
    """Replace all tickets of a completed job."""
    job_changes.set_names("tickets", id, tickets, caller)


@bp.api("flush_event_queue", returns=CountReply)
@params(EventId, source=MERGED)
@requires(Privilege.ABORT_JOBS)
def flush_event_queue(caller: Caller, id: str) -> Returned:
    """Remove all queued jobs of an event, without a trace.

    Replies with `count`, how many there were.
    """
    return {"count": job_changes.flush_queue(id, caller)}
