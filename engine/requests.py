"""What callers asked of live jobs: to abort them, to resume them."""

from typing import Any

from core import json
from engine import ending, placement, starting, suspension
from engine.starting import Launch
from engine.turn import Turn
from models.job import Job
from services.hosts import our_name
from services.transitions import State, activity

Document = dict[str, Any]

#: States in which a job has no process.
_WITHOUT_PROCESS = frozenset(State) - {State.ACTIVE, State.FINISHING, State.COMPLETE}


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
    """Let a suspended job go on: new parameters, a new choice of server, the launch."""
    request = json.loads(row.resume)
    job = json.loads(row.doc)
    job["actions"] = suspension.resumed(job.get("actions", []), request)
    job["params"] = job.get("params", {}) | request["values"]
    job |= request["overrides"]
    try:
        server = placement.choose(turn, job)
    except (placement.NoServer, placement.UnknownAlgorithm):
        ending.abort_now(turn, row, "Chosen server is no longer connected.")
        return
    resuming = activity(suspension.RESUMING, our_name())
    chosen = activity(placement.chosen_text(server, job["algo"]), our_name())
    changes = {"actions": job["actions"], "params": job["params"], **request["overrides"]}
    changes |= {"server": server["id"], "groups": server.get("groups", [])}
    Job.patch(turn.connection, row.id, columns={"resume": None})
    way = starting.Way(State.STARTING, (), [resuming], [chosen])
    starting.activate(turn, row, job | changes, launch, way, changes)
