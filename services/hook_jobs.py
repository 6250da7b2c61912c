"""Jobs whose work is to fire a web hook."""

from typing import Any

from flask import current_app

from core import json, tokens
from core.errors import ApiError, BadRequest
from models.database import db
from models.job import Job
from services import job_files, job_views, web_hook_calls
from services.errand import Errand

Document = dict[str, Any]

#: The command of the plugin whose jobs these are.
COMMAND = "[hook-plugin]"


def fire(job_id: str, token: str) -> Document:
    """Fire the web hook that a running job's parameters name; code, description and details.

    Raises `ApiError` unless `token` is the job's own. Keys don't do: their owners could fire the
    hook beyond its daily limit, which counts a job once. What is fired is not up to the caller,
    as jobs of other plugins have a token as well.
    """
    if not tokens.worker_token_is_valid(token, job_id, current_app.config["SECRET_KEY"]):
        raise ApiError("Authentication failure", code="auth")
    row = job_files.running_job(job_id, token)
    stored = json.loads(row.doc)
    if stored.get("command") != COMMAND:
        raise BadRequest(f"Job fires no web hook: {job_id}", code="job")
    params = stored.get("params") or {}
    job = job_views.live_details(row)
    job.pop("activity", None)
    action = {"type": "web_hook", "web_hook": params.get("web_hook")}
    errand = Errand(f"{job_id}.hook", "start", action, job, current_app.config)
    text = str(params.get("text") or "")
    return web_hook_calls.fire_for(errand, text, lambda: _is_wanted(job_id)).result


def _is_wanted(job_id: str) -> bool:
    """Whether the job still runs, and nobody has asked to abort it."""
    row = db.read(lambda connection: Job.load(connection, job_id, "final", "abort_reason"))
    return row is not None and not row.final and row.abort_reason is None
