"""Actions that a plugin pushes to be run at once, while its job goes on."""

from dataclasses import dataclass, field
from typing import Any

from engine import actions
from engine.claims import Claim
from engine.messages import Effect
from engine.turn import Turn
from models.job import Job
from services import job_views
from services.transitions import Row

Document = dict[str, Any]


@dataclass
class Ran:
    """What came of them: changes to the job's document and results, entries, and claims."""

    doc: Document = field(default_factory=dict)
    results: Document = field(default_factory=dict)
    entries: list[Row] = field(default_factory=list)
    claims: list[Claim] = field(default_factory=list)


def run(turn: Turn, job_id: str, effect: Effect, doc: Document) -> Ran:
    """Run what is among the pushed actions; `doc` is what else changes in the job's document."""
    pushed = effect.pushed.get("actions", ())
    if not any(action["condition"] == "instant" for action in pushed):
        return Ran()
    row = Job.load(turn.connection, job_id)
    job = job_views.live_details(row) | doc | effect.results
    ran = actions.instant(job)
    changes = ran.changes(job)
    # A label stands where plugins report theirs, which would hide another one.
    results = {key: changes.pop(key) for key in ("label",) if key in changes}
    return Ran(changes, results, ran.entries, ran.claims)
