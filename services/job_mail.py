"""What mail says about a job: the same facts as text and as HTML."""

import re
from collections.abc import Iterable
from datetime import datetime
from html import escape
from typing import Any, NamedTuple

from core.version import NAME
from services import hook_context
from services.errand import Errand

Document = dict[str, Any]
Facts = list[tuple[str, str]]

_HEADS = {
    "start": "Job started",
    "success": "Job completed successfully",
    "error": "Job failed",
    "progress": "Job is in progress",
    "suspended": "Job is suspended and requires human intervention",
    "limited": "Job is over a limit",
}
#: How errors of these codes are headed.
_CODES = {
    "warning": "Job ended with a warning",
    "critical": "Job failed critically",
    "abort": "Job was aborted",
}
#: What is shown of one fact, and of a name, characters.
_MAX_FACT_CHARS, _MAX_NAME_CHARS = 2000, 200
#: What terminals and mail programs might obey.
_CONTROLS = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069]")


class Letter(NamedTuple):
    """A subject, and a body in two forms."""

    subject: str
    text: str
    html: str


def letter_of(errand: Errand) -> Letter:
    """What to write about the job of an errand."""
    values = hook_context.of(errand)
    kind = hook_context.kind_of(errand)
    subject = f"{_headline(kind, errand.job)}: {_title(values, 'event')}"
    intro = [subject, _cut(str(errand.action.get("msg") or ""))] if kind == "limited" else [subject]
    facts = [(name, _cut(value)) for name, value in _facts(errand.job, values) if value]
    places = [("Job", values["links"]["job_details"]), ("Log", values["links"]["job_log"])]
    foot = f"Sent by {NAME}, because the job has an action or a limit ({errand.condition})."
    return Letter(subject, _text(intro, facts, places, foot), _html(intro, facts, places, foot))


def _headline(kind: str, job: Document) -> str:
    return _CODES.get(str(job["code"]), _HEADS[kind]) if kind == "error" else _HEADS[kind]


def _title(values: Document, noun: str) -> str:
    """What people call a record that the job names; its id where it is gone."""
    title = values[noun].get("title") or values["job"].get(noun) or ""
    return _cut(str(title), _MAX_NAME_CHARS)


def _facts(job: Document, values: Document) -> Facts:
    code, tags = job.get("code"), job.get("tags") or ()
    facts = [
        ("Event", _title(values, "event")),
        ("Label", str(job.get("label") or "")),
        ("Job id", job["id"]),
        ("Category", _title(values, "category")),
        ("Plugin", _title(values, "plugin")),
        ("Server", values["nice_server"] if job.get("server") else ""),
        ("Run by", f"{job.get('username') or ''} ({job.get('source') or ''})"),
        ("Tags", ", ".join(map(str, tags))),
        ("Started", _moment(job.get("started"))),
    ]
    if job.get("state") == "complete":
        facts += [
            ("Ended", _moment(job.get("completed"))),
            ("Took", values["display"]["elapsed"]),
            ("Result", f"Error ({code})" if code else "Success"),
            ("Description", str(job.get("description") or "")),
        ]
    return facts


def _moment(seconds: float | None) -> str:
    """A time as people at the server read it."""
    if not seconds:
        return ""
    return datetime.fromtimestamp(seconds).astimezone().strftime("%Y-%m-%d %H:%M:%S %Z")


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
