"""Start and end actions: which apply, in which order, and what they leave in the job."""

from collections.abc import Mapping
from typing import Any

from core import clock, json
from engine import suspension
from engine.deeds import DEEDS, Deed
from services.hosts import our_name
from services.transitions import Row, activity

Document = dict[str, Any]

#: Codes that have a condition of their own; every other error is the `user` condition.
_NAMED_CODES = ("warning", "critical", "abort")
#: What does not make an action another one.
_INCIDENTAL = ("condition", "enabled", "hidden", "id", "source")


def start_actions(job: Document) -> tuple[list[Row], Document]:
    """Run the start actions: activity entries, and what they change in the job.

    `suspended` is among the changes when the job has to wait now; nothing where none applied.
    """
    entries: list[Row] = []
    changed = job | {"actions": [dict(action) for action in job.get("actions", [])]}
    for action in changed["actions"]:
        if not _applies(action, "start"):
            continue
        if action["type"] != "suspend":
            entries += _perform(action, "start", changed)
        elif not changed.get("suspended"):
            entries += _suspend(action, changed)
    changes = {key: value for key, value in changed.items() if job.get(key) != value}
    return entries, changes


def end_actions(job: Document, code: Any) -> list[Row]:
    """Run the actions for the end of a job, which they change; returns activity entries."""
    entries: list[Row] = []
    job["actions"] = [dict(action) for action in job.get("actions", [])]
    by_condition: dict[Any, list[Document]] = {}
    for action in job["actions"]:
        by_condition.setdefault(action.get("condition"), []).append(action)
    done: set[str] = set()
    for condition in _conditions(job, code):
        for action in by_condition.get(condition, ()):
            content = _content(action)
            if _applies(action, condition) and content not in done:
                done.add(content)
                entries += _perform(action, condition, job)
    return entries


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


def _content(action: Mapping[str, Any]) -> str:
    """What an action does, as text: two that do the same count as one."""
    kept = {key: action[key] for key in sorted(action) if key not in _INCIDENTAL}
    return json.dumps(kept)


def _perform(action: Document, condition: str, job: Document) -> list[Row]:
    """Do what an action says, and note in it what came of that."""
    began = clock.now()
    deed: Deed = DEEDS.get(action["type"], _unknown)
    told, outcome = deed(action, job)
    elapsed = int((clock.now() - began) * 1000)
    action.update({"date": began, "elapsed_ms": elapsed} | outcome)
    texts = [f"Executing job {condition} action: {action['type']}", *told]
    return [activity(text, our_name()) for text in texts]


def _unknown(action: Document, _job: Document) -> tuple[list[str], Document]:
    """Say in the action itself that this version can't execute its type."""
    text = f"Action type is not available yet: {action['type']}"
    return [], {"code": "type", "description": text}


def _suspend(action: Document, job: Document) -> list[Row]:
    """Hold the job, unless jobs of its source are not to be held."""
    entries = [activity("Executing job start action: suspend", our_name())]
    action.update(date=clock.now(), elapsed_ms=0)
    if suspension.skips(action, job):
        text = f"Skipped suspension due to job source: {job['source']}"
        action.update(code=0, description=text)
        return entries
    action.update(active=True, details="")
    job["suspended"] = True
    return [*entries, activity(suspension.SUSPENDING, our_name())]
