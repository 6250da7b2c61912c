"""What mail says about a job: the same facts as text and as HTML."""

import re
from collections.abc import Iterable, Mapping
from datetime import datetime
from html import escape
from typing import Any, NamedTuple, TypeGuard

import sqlalchemy as sa

from core.formats import duration_text
from models.category import Category
from models.database import db
from models.document import DocumentTable
from models.event import Event
from models.plugin import Plugin
from models.server import Server
from services.errand import Errand
from services.job_links import links_of

Document = dict[str, Any]
Facts = list[tuple[str, str]]

_ENDS = {
    "warning": "Job ended with a warning",
    "critical": "Job failed critically",
    "abort": "Job was aborted",
}
_WAITS = "Job is suspended and requires human intervention"
#: What is shown of one fact, and of a name, characters.
_MAX_FACT_CHARS, _MAX_NAME_CHARS = 2000, 200
#: Times from then on are none, Unix seconds.
_LATEST = 1e11
#: What terminals and mail programs might obey.
_CONTROLS = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069]")
#: Where names come from: their keys in jobs, their tables, and where in their records they stand.
_NAMED: tuple[tuple[str, type[DocumentTable], tuple[str, ...]], ...] = (
    ("event", Event, ("title",)),
    ("category", Category, ("title",)),
    ("plugin", Plugin, ("title",)),
    ("server", Server, ("title", "hostname")),
)


class Letter(NamedTuple):
    """A subject, and a body in two forms."""

    subject: str
    text: str
    html: str


def letter_of(errand: Errand) -> Letter:
    """What to write about the job of an errand."""
    names = db.read(lambda connection: _names(connection, errand.job))
    head = _headline(errand)
    subject = f"{head}: {names['event']}"
    said = str(errand.action.get("msg") or "") if errand.condition == "limited" else ""
    facts = [(name, _cut(value)) for name, value in _facts(errand.job, names) if value]
    links = links_of(errand.job, errand.settings)
    places = [("Job", links["job_details"]), ("Log", links["job_log"])]
    foot = f"Sent by Switchyard, because the job has an action or a limit ({errand.condition})."
    intro = [subject, _cut(said)] if said else [subject]
    return Letter(subject, _text(intro, facts, places, foot), _html(intro, facts, places, foot))


def _names(connection: sa.Connection, job: Document) -> dict[str, str]:
    """What people call the records that a job names; their ids where they are gone."""
    return {key: _name(connection, job, key, table, keys) for key, table, keys in _NAMED}


def _name(
    connection: sa.Connection,
    job: Document,
    key: str,
    table: type[DocumentTable],
    keys: Iterable[str],
) -> str:
    found = table.get(connection, str(job[key])) if job.get(key) else None
    name = next((found[one] for one in keys if found.get(one)), None) if found else None
    return _cut(str(name or job.get(key) or ""), _MAX_NAME_CHARS)


def _headline(errand: Errand) -> str:
    job = errand.job
    if errand.condition == "limited":
        return "Job is over a limit"
    if errand.condition == "suspended":
        return _WAITS
    if errand.condition == "start":
        return "Job started"
    if job.get("state") != "complete":
        return "Job is in progress"
    code = job.get("code")
    return _ENDS.get(str(code), "Job failed") if code else "Job completed successfully"


def _facts(job: Document, names: Mapping[str, str]) -> Facts:
    code, label, elapsed = job.get("code"), job.get("label"), job.get("elapsed")
    is_over = job.get("state") == "complete"
    tags = job.get("tags")
    result = f"Error ({code})" if code else "Success"
    return [
        ("Event", names["event"]),
        ("Label", str(label) if label else ""),
        ("Job id", str(job["id"])),
        ("Category", names["category"]),
        ("Plugin", names["plugin"]),
        ("Server", names["server"]),
        ("Run by", f"{job.get('username') or ''} ({job.get('source') or ''})"),
        ("Tags", ", ".join(map(str, tags)) if isinstance(tags, list) else ""),
        ("Started", _moment(job.get("started"))),
        ("Ended", _moment(job.get("completed"))),
        ("Took", duration_text(elapsed) if is_over and _is_sane(elapsed) else ""),
        ("Result", result if is_over else ""),
        ("Description", str(job.get("description") or "") if is_over else ""),
    ]


def _moment(seconds: Any) -> str:
    """A time as people at the server read it."""
    if not _is_sane(seconds):
        return ""
    return datetime.fromtimestamp(seconds).astimezone().strftime("%Y-%m-%d %H:%M:%S %Z")


def _is_sane(seconds: Any) -> TypeGuard[float]:
    """Whether this is a time of ours; plugins may set nearly all keys of their jobs."""
    return isinstance(seconds, (int, float)) and 0 <= seconds < _LATEST


def _cut(text: str, most: int = _MAX_FACT_CHARS) -> str:
    shown = _CONTROLS.sub(" ", text[: most + 1]).strip()
    return shown if len(text) <= most else f"{shown[:most]}…"


def _text(intro: Iterable[str], facts: Facts, places: Facts, foot: str) -> str:
    width = max(len(name) for name, _ in facts) + 2
    indent = "\n" + " " * width
    lines = [f"{name + ':':{width}}{value.replace(chr(10), indent)}" for name, value in facts]
    parts = ["\n\n".join(intro), "\n".join(lines)]
    parts.append("\n".join(f"{name}: {url}" for name, url in places))
    return "\n\n".join([*parts, f"-- \n{foot}\n"])


def _html(intro: Iterable[str], facts: Facts, places: Facts, foot: str) -> str:
    first, *others = map(escape, intro)
    said = "".join(f"<p>{text}</p>\n" for text in others)
    cell = '<td style="padding:2px 12px 2px 0;vertical-align:top'
    rows = "".join(
        f'<tr>{cell};color:#666">{escape(name)}</td>{cell};white-space:pre-wrap">'
        f"{escape(value)}</td></tr>\n"
        for name, value in facts
    )
    links = " · ".join(f'<a href="{escape(url)}">{escape(name)}</a>' for name, url in places)
    return (
        f'<div style="font-family:sans-serif">\n<h3>{first}</h3>\n{said}<table>\n{rows}</table>\n'
        f'<p>{links}</p>\n<p style="color:#999;font-size:smaller">{escape(foot)}</p>\n</div>\n'
    )
