"""What web hooks, mails and action plugins may tell of a job: values for their macros."""

from collections.abc import Mapping
from typing import Any

import sqlalchemy as sa

from core import json
from core.config import Settings
from core.formats import duration_text, size_text
from models.category import Category
from models.database import db
from models.event import Event
from models.plugin import Plugin
from models.server import Server
from services.errand import Errand
from services.hosts import host_name
from services.job_files import file_entries
from services.job_links import links_of

Document = dict[str, Any]

#: How texts begin, by what happened; `{where}` is the server, `{title}` the event's.
_TEMPLATES = {
    "start": "Job started on {where}: {title}: {link}",
    "success": "Job completed successfully on {where}: {title}: {link}",
    "error": "Job failed on {where}: {title}: Error ({code}): {description}: {link}",
    "progress": "Job is in progress on {where} ({title}): {link}",
    "suspended": "Job is suspended and requires human intervention: {title}: {link}&resume=1",
    "limited": "{message}: {link}",
}
_PREFIX = "xyOps "


def of(errand: Errand) -> Document:
    """The values for one errand: the job, what it belongs to, links, and a text for people."""
    job, settings = errand.job, errand.settings
    records = db.read(lambda connection: _records(connection, job))
    links = _links(job, settings)
    server = records["server"]
    hostname = str(server.get("hostname") or host_name())
    values = {
        "env": settings["JOB_ENV"],
        "job": job,
        "action": errand.action,
        "condition": errand.condition,
        **records,
        "nice_server": _nice_server(server, hostname),
        "nice_hostname": hostname.partition(".")[0],
        "links": links,
        "display": _display(job),
        "secrets": {},
    }
    return values | {"text": text_of(errand, values)}


def _records(connection: sa.Connection, job: Mapping[str, Any]) -> dict[str, Document]:
    tables = {"event": Event, "plugin": Plugin, "category": Category, "server": Server}
    found = {name: table.get(connection, str(job.get(name))) for name, table in tables.items()}
    titled = {"id": job.get("event"), "title": job.get("event_title") or job.get("event")}
    return {name: record or {} for name, record in found.items()} | {
        "event": _without_tokens(found["event"] or titled)
    }


def _without_tokens(event: Document) -> Document:
    """An event without the tokens of its magic links: whoever has one can run it."""
    triggers = event.get("triggers") or []
    kept = [{k: v for k, v in item.items() if k != "token"} for item in triggers]
    return event | {"triggers": kept}


def _links(job: Document, settings: Settings) -> dict[str, str]:
    """Where people find a job, its log and its files."""
    base = settings["BASE_URL"].rstrip("/")
    # Those of a job that runs are what its plugin named, whatever that may be.
    files = [
        f"{base}/{file['path']}" for file in file_entries(job.get("files")) if file.get("path")
    ]
    return {**links_of(job, settings), "job_files": "\n".join(files) or "(None)"}


def _nice_server(server: Mapping[str, Any], hostname: str) -> str:
    short = hostname.partition(".")[0]
    return f"{server['title']} ({short})" if server.get("title") else short


def _display(job: Mapping[str, Any]) -> dict[str, str]:
    """Measurements as people read them."""
    perf = job.get("perf")
    return {
        "elapsed": duration_text(job.get("elapsed") or 0),
        "log_size": size_text(job.get("log_file_size") or 0),
        "perf": perf if isinstance(perf, str) else json.dumps(perf) if perf else "n/a",
        "mem": size_text(_average(job.get("mem"))),
        "cpu": f"{_average(job.get('cpu')):.1f}%",
    }


def _average(measured: Any) -> float:
    """The average of what was measured; 0 without measurements."""
    if not isinstance(measured, Mapping) or not measured.get("count"):
        return 0.0
    return float(measured.get("total", 0)) / float(measured["count"])


def text_of(errand: Errand, values: Mapping[str, Any]) -> str:
    """One line that says what happened."""
    job = errand.job
    template = _TEMPLATES[kind_of(errand)]
    return _PREFIX + template.format(
        where=values["nice_server"],
        title=values["event"].get("title"),
        link=values["links"]["job_details"],
        code=job.get("code"),
        description=job.get("description") or "",
        message=errand.action.get("msg"),
    )


def kind_of(errand: Errand) -> str:
    """What happened: `start`, `success`, `error`, `progress`, `suspended` or `limited`."""
    if errand.condition in ("limited", "start", "suspended"):
        return errand.condition
    if errand.job.get("state") != "complete":
        return "progress"
    return "error" if errand.job.get("code") else "success"
