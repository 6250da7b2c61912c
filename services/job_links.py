"""Where people and programs that hear of a job find more about it."""

from typing import Any

from core import clock
from core.config import Settings
from services import job_views


def links_of(job: dict[str, Any], settings: Settings) -> dict[str, str]:
    """URLs of a job: its page in a client's web interface, and its log, which needs no key."""
    base, job_id = settings["BASE_URL"].rstrip("/"), job["id"]
    token = job_views.token_of(job_id, "download", clock.now())
    return {
        "job_details": f"{base}/#Job?id={job_id}",
        "job_log": f"{base}/api/app/view_job_log/v1?id={job_id}&t={token}",
    }
