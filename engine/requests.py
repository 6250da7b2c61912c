"""What callers asked of live jobs: to abort them, to resume them."""

from typing import Any

from core import json
from engine import ending, phases, suspension
from engine.starting import Launch
from engine.turn import Turn
from models.job import Job
from services.hosts import our_name
from services.transitions import State, activity

Document = dict[str, Any]

#: States in which a job has no process.
_WITHOUT_PROCESS = frozenset(State) - {State.ACTIVE, State.FINISHING}


def abort(turn: Turn, row: Any, reason: str) -> bool:
    """Abort a live job; true when the launcher has to kill its process, after the commit."""
    if row.state in _WITHOUT_PROCESS:
        ending.abort_now(turn, row, reason)
        return False
    results = json.loads(row.results) if row.results else {}
    is_active = row.state == State.ACTIVE
    # A plugin that reported its result first keeps it; what is left of it is killed all the same.
    keeps_result = is_active and results.get("complete")
    outcome = {"complete": True, "code": "abort", "description": reason}
    Job.patch(
        turn.connection,
        row.id,
        columns={"abort_reason": None, "due": None},
        results={} if keeps_result else outcome,
        doc={"aborting": True},
        activity=[] if is_active else [activity(f"Aborting Job: {reason}", our_name())],
    )
    return bool(is_active)


def resume(turn: Turn, row: Any, launch: Launch) -> None:
    """Let a suspended job go on; before its start, with new parameters and a new server."""
    request = json.loads(row.resume)
    job = json.loads(row.doc)
    doc: Document = {"actions": suspension.resumed(job.get("actions", []), request)}
    columns: Document = {"resume": None}
    dropped = ["suspended"]
    if row.state == State.STARTING:
        doc |= {"params": job.get("params", {}) | request["values"], **request["overrides"]}
        columns["server"] = None
        dropped.append("server")
    Job.patch(
        turn.connection,
        row.id,
        columns=columns,
        doc=doc,
        drop=dropped,
        activity=[activity(suspension.RESUMING, our_name())],
    )
    phases.go_on(turn, row.id, launch)
