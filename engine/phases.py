"""Phases in which a job waits for its actions: how it goes on once none of them holds it."""

from typing import Any

from core import json
from engine import claims, ending, placement, starting
from engine.errand_worker import Done
from engine.starting import Launch
from engine.turn import Turn
from models.errand import Errand
from models.job import Job
from services.hosts import our_name
from services.transitions import Row, State, activity

Document = dict[str, Any]


def record(turn: Turn, done: Done, launch: Launch) -> None:
    """Record what came of an errand; where it was the last that its job waited for, go on."""
    job_id = claims.record(turn, done)
    if job_id is not None:
        go_on(turn, job_id, launch)


def go_on(turn: Turn, job_id: str, launch: Launch) -> None:
    """Take a job out of the phase that it is in, unless an action still holds it there."""
    row = Job.load(turn.connection, job_id)
    if row is None or row.final or is_held(turn, row):
        return
    if row.state == State.STARTING:
        _proceed(turn, row, launch)
    elif row.state == State.COMPLETE:
        ending.finalize(turn, job_id)


def is_held(turn: Turn, row: Any) -> bool:
    """Whether a suspension or an errand holds a live job in its phase.

    One of which a caller asked something is left for the step that answers.
    """
    is_asked = row.resume is not None or row.abort_reason is not None
    is_suspended = bool(json.loads(row.doc).get("suspended"))
    return is_asked or is_suspended or Errand.any_of(turn.connection, row.id)


def _proceed(turn: Turn, row: Any, launch: Launch) -> None:
    """Go on from `starting` to `active`: no start action holds the job any more.

    A job that was suspended has no server: what was true when it was chosen may not be any more.
    """
    job = json.loads(row.doc)
    changes: Document = {}
    entries: list[Row] = []
    if "server" not in job:
        try:
            server = placement.choose(turn, job)
        except (placement.NoServer, placement.UnknownAlgorithm):
            ending.abort_now(turn, row, "Chosen server is no longer connected.")
            return
        changes = {"server": server["id"], "groups": server.get("groups", [])}
        entries = [activity(placement.chosen_text(server, job["algo"]), our_name())]
    way = starting.Way(State.STARTING, (), [], entries)
    starting.activate(turn, row, job | changes, launch, way, changes)
