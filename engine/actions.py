"""Start and end actions: which apply, what they leave in the job, how a suspension is resumed."""

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

from core import clock, json
from core.formats import duration_text
from services.hosts import our_name
from services.transitions import Row, activity

Document = dict[str, Any]

SUSPENDING = "Suspending job until manual user intervention."
RESUMING = "Resuming job after user intervention."
_RESUMED = "Successfully suspended and resumed job."
#: Codes that have a condition of their own; every other error is the `user` condition.
_NAMED_CODES = ("warning", "critical", "abort")


def start_actions(job: Document) -> tuple[list[Row], list[Document], Document]:
    """Run the start actions: activity entries, the list of actions after them, and what to set.

    What to set is empty, or says that the job is suspended now.
    """
    entries: list[Row] = []
    actions = [dict(action) for action in job.get("actions", [])]
    suspended: Document = {}
    for action in actions:
        if not _applies(action, "start") or (action["type"] == "suspend" and suspended):
            continue
        entries.append(activity(f"Executing job start action: {action['type']}", our_name()))
        if action["type"] != "suspend":
            _refuse(action)
        elif _skips(action, job):
            _skip_suspension(action, job)
        else:
            entries.append(activity(SUSPENDING, our_name()))
            action.update(active=True, date=clock.now(), elapsed_ms=0, details="")
            suspended = {"suspended": True}
    return entries, actions, suspended


def end_actions(job: Document, code: Any) -> tuple[list[Row], list[Document]]:
    """Run the actions for the end of a job: activity entries, and the actions after them."""
    entries: list[Row] = []
    actions = [dict(action) for action in job.get("actions", [])]
    by_condition: dict[Any, list[Document]] = {}
    for action in actions:
        by_condition.setdefault(action.get("condition"), []).append(action)
    for condition in _conditions(job, code):
        for action in by_condition.get(condition, ()):
            if _applies(action, condition):
                text = f"Executing job {condition} action: {action['type']}"
                entries.append(activity(text, our_name()))
                _refuse(action)
    return entries, actions


def _conditions(job: Document, code: Any) -> list[str]:
    """The conditions that the end of a job meets, in the order in which they are looked at."""
    if code == 0:
        conditions = ["complete", "success"]
    else:
        conditions = ["complete", "error", code if code in _NAMED_CODES else "user"]
    return conditions + [f"tag:{tag}" for tag in job.get("tags", [])]


def _applies(action: Mapping[str, Any], condition: str) -> bool:
    matches = action.get("condition") == condition and action.get("enabled")
    return bool(matches and "code" not in action)


def _refuse(action: Document) -> None:
    """Say in the action itself that this version can't execute its type."""
    text = f"Action type is not available yet: {action['type']}"
    action.update(date=clock.now(), elapsed_ms=0, code="type", description=text)


def _skips(action: Document, job: Document) -> bool:
    """Whether a suspension is not meant for jobs of this source."""
    sources = action.get("sources")
    return isinstance(sources, list) and job.get("source") in sources


def _skip_suspension(action: Document, job: Document) -> None:
    text = f"Skipped suspension due to job source: {job['source']}"
    action.update(date=clock.now(), elapsed_ms=0, code=0, description=text)


def resumed(actions: list[Document], request: Mapping[str, Any] | None) -> list[Document]:
    """The actions after a suspension ended, by a caller's request or without one (an abort)."""
    return [_resume(action, request) if action.get("active") else action for action in actions]


def _resume(action: Document, request: Mapping[str, Any] | None) -> Document:
    now = clock.now()
    ended = {key: value for key, value in action.items() if key != "active"}
    ended["elapsed_ms"] = int((now - ended["date"]) * 1000)
    if request is not None:
        ended["details"] = _details(ended["date"], request) + str(ended.get("details", ""))
    return ended | {"code": 0, "description": _RESUMED}


def _details(since: float, request: Mapping[str, Any]) -> str:
    """Markdown that tells who ended the suspension, when and how."""
    at = datetime.fromtimestamp(request["at"], UTC)
    lines = [
        "### Suspension Details:\n",
        f"- **Duration:** {duration_text(request['at'] - since)}",
        f"- **Resumed At:** {at:%a %b %d %Y %H:%M:%S} GMT+0000 (Coordinated Universal Time)",
        f"- **Resumed By:** `{request['by']}`",
    ]
    if request.get("redirect"):
        lines.append(f"- **Jumped to Node:** `#{request['redirect']}`")
    lines += [f"- **IP Addresses:** {request['ip']}", f"- **User Agent:** {request['agent']}"]
    if request.get("params"):
        params = json.indented(request["params"])
        lines.append(f"\n#### User Parameters\n\n```json\n{params}\n```")
    return "\n".join(lines) + "\n"
