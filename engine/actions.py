"""The actions of a job: which apply, in which order, and what becomes of each."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from core import clock, json
from engine import suspension
from engine.claims import Claim, notices
from engine.deeds import DEEDS
from engine.performers import PERFORMERS
from schemas.actions import SCHEMAS
from services.hosts import our_name
from services.statistics import end_conditions
from services.transitions import Row, activity

Document = dict[str, Any]

#: What does not make an action another one.
_INCIDENTAL = ("condition", "enabled", "hidden", "id", "source")


@dataclass
class Round:
    """What came of one round of a job's actions."""

    #: The job as it is afterwards.
    job: Document
    entries: list[Row] = field(default_factory=list)
    #: What remains to be done beyond the job.
    claims: list[Claim] = field(default_factory=list)

    @property
    def is_over(self) -> bool:
        """Whether nothing keeps the job from going on."""
        return not self.claims and not self.job.get("suspended")

    def changes(self, before: Mapping[str, Any]) -> Document:
        """The keys of the job that are not as they were."""
        return {key: value for key, value in self.job.items() if before.get(key) != value}


def start(job: Mapping[str, Any]) -> Round:
    """Run the actions for the start of a job."""
    return _run(job, _wanted(job, ["start"]))


def end(job: Mapping[str, Any]) -> Round:
    """Run the actions for the end of a job, whose result is there."""
    return _run(job, _wanted(job, _end_conditions(job)))


def instant(job: Mapping[str, Any]) -> Round:
    """Run what a plugin pushed to be run at once; the same again is meant to happen again."""
    return _run(job, ["instant"], merge=False)


def _end_conditions(job: Mapping[str, Any]) -> list[str]:
    """The conditions that the end of a job meets, in the order in which they are looked at."""
    return end_conditions(job["code"]) + [f"tag:{tag}" for tag in job.get("tags", [])]


def _wanted(job: Mapping[str, Any], conditions: Sequence[str]) -> Sequence[str]:
    """The conditions that a test asks for; all of them where it does not say."""
    wanted = job.get("test_conditions")
    if not job.get("test") or not isinstance(wanted, list):
        return conditions
    return [condition for condition in conditions if condition in wanted]


def _run(job: Mapping[str, Any], conditions: Sequence[str], *, merge: bool = True) -> Round:
    """Run what applies; of several actions that do the same only the first, if `merge`."""
    actions = [dict(action) for action in job.get("actions", [])]
    current = Round({**job, "actions": actions})
    by_condition: dict[Any, list[tuple[int, Document]]] = {}
    for place, action in enumerate(actions):
        by_condition.setdefault(action.get("condition"), []).append((place, action))
    done: set[str] = set()
    for condition in conditions:
        for place, action in by_condition.get(condition, ()):
            content = _content(action) if merge else str(place)
            if _applies(action) and content not in done:
                done.add(content)
                _begin(current, place, action)
    return current


def _applies(action: Mapping[str, Any]) -> bool:
    return bool(action.get("enabled")) and "code" not in action and not action.get("active")


def _content(action: Mapping[str, Any]) -> str:
    """What an action does, as text: two that do the same count as one."""
    kept = {key: action[key] for key in sorted(action) if key not in _INCIDENTAL}
    return json.dumps(kept)


def _begin(current: Round, place: int, action: Document) -> None:
    """Do what an action says, or claim it where that takes place beyond the job."""
    kind = action["type"]
    _tell(current, f"Executing job {action['condition']} action: {kind}")
    action["date"] = clock.now()
    if kind in PERFORMERS:
        action["active"] = True
        current.claims.append(Claim(kind, action["condition"], place, dict(action)))
    elif kind == "suspend":
        _suspend(current, place, action)
    else:
        _do(current, action)


def _do(current: Round, action: Document) -> None:
    """Do what needs nothing but the job itself."""
    kind = action["type"]
    if kind in DEEDS:
        told, outcome = DEEDS[kind](action, current.job)
    elif kind in SCHEMAS:
        told, outcome = [], _failure(f"Action type is not available yet: {kind}")
    else:
        told, outcome = [], _failure(f"Unknown action type: {kind}")
    elapsed = int((clock.now() - action["date"]) * 1000)
    action.update({"elapsed_ms": elapsed} | outcome)
    _tell(current, *told)


def _failure(text: str) -> Document:
    return {"code": "type", "description": text}


def _suspend(current: Round, place: int, action: Document) -> None:
    """Hold the job, unless jobs of its source are not to be held."""
    action["elapsed_ms"] = 0
    if suspension.skips(action, current.job):
        text = f"Skipped suspension due to job source: {current.job['source']}"
        action.update(code=0, description=text)
        return
    action.update(active=True, details="")
    current.job["suspended"] = True
    current.claims += notices(action, "suspended", place)
    _tell(current, suspension.SUSPENDING)


def _tell(current: Round, *texts: str) -> None:
    current.entries += [activity(text, our_name()) for text in texts]
