"""Jobs whose work is to fire a web hook."""

from typing import Any

from flask import current_app

from core import json
from core.errors import BadRequest
from services import job_files, job_views, web_hook_calls
from services.errand import Errand

Document = dict[str, Any]

#: The command of the plugin whose jobs these are.
COMMAND = "[hook-plugin]"


def fire(job_id: str, proof: str) -> Document:
    """Fire the web hook that a running job's parameters name; code, description and details.

    Raises `ApiError` unless `proof` allows to act for the job. What is fired is not up to the
    caller: jobs of other plugins have a proof as well.
    """
    row = job_files.running_job(job_id, proof)
    params = json.loads(row.doc).get("params") or {}
    if json.loads(row.doc).get("command") != COMMAND:
        raise BadRequest(f"Job fires no web hook: {job_id}", code="job")
    job = job_views.live_details(row)
    job.pop("activity", None)
    action = {"type": "web_hook", "web_hook": params.get("web_hook")}
    errand = Errand(f"{job_id}.hook", "start", action, job, current_app.config)
    return web_hook_calls.fire_for(errand, text=str(params.get("text") or "")).result
