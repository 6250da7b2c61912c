"""What running jobs tell: messages, samples and the growth of logs, applied in one transaction."""

from enum import Enum, auto
from typing import Any

from core import clock, json
from engine import messages
from engine.records import Batch
from engine.turn import Run, Turn
from models.job import Job
from services.transitions import Row, activity

Document = dict[str, Any]


class Applied(Enum):
    """What became of an attempt to apply a batch."""

    DONE = auto()
    #: The batch was not read where the last one ended: it has to be read again.
    OUT_OF_STEP = auto()
    #: There is no such live job any more, or another launch owns it.
    GONE = auto()


def apply(turn: Turn, run: Run, batch: Batch) -> Applied:
    """Apply what a run told since the last time, exactly once."""
    row = Job.load(turn.connection, run.job)
    if row is None or row.final or row.launch != run.launch:
        return Applied.GONE
    if (row.segment, row.offset) != batch.start:
        run.segment, run.offset = row.segment, row.offset
        return Applied.OUT_OF_STEP
    results = json.loads(row.results) if row.results else {}
    effect = messages.apply(batch.messages, results)
    before = json.loads(row.live) if row.live else {}
    live = {**effect.live, **_measured(before, run.sample), "updated": clock.now()}
    Job.patch(
        turn.connection,
        run.job,
        columns={"segment": batch.segment, "offset": batch.offset, "log_size": run.log_size},
        doc=_doc_changes(row, run, effect.pushed),
        live=live,
        results=effect.results,
        activity=_entries(row.server or "", run, batch, effect.warnings),
    )
    turn.after.append(lambda: _advance(run, batch))
    return Applied.DONE


def _advance(run: Run, batch: Batch) -> None:
    """Note, after the commit, what need not be read again."""
    run.segment, run.offset = batch.segment, batch.offset
    run.spawned = run.sample = None
    for path in batch.consumed:
        path.unlink(missing_ok=True)


def _entries(server: str, run: Run, batch: Batch, warnings: list[str]) -> list[Row]:
    entries: list[Row] = []
    if run.spawned is not None:
        text = f"Spawned child process: PID {run.spawned['pid']}"
        entries.append(activity(text, server) | {"epoch": round(run.spawned["at"], 3)})
    entries += [note | {"server": server} for note in batch.notes]
    return entries + [activity(text, server) for text in (*batch.warnings, *warnings)]


def _doc_changes(row: Any, run: Run, pushed: dict[str, list[Any]]) -> Document:
    """The process id, and the job's lists with what the plugin pushed onto them."""
    changes: Document = {}
    if run.spawned is not None:
        changes["pid"] = run.spawned["pid"]
    if pushed:
        doc = json.loads(row.doc)
        changes |= {key: [*doc.get(key, []), *items] for key, items in pushed.items()}
    return changes


def _measured(before: Document, sample: Document | None) -> Document:
    """The sample folded into what was measured before."""
    if sample is None:
        return {}
    return {
        "cpu": _folded(before.get("cpu"), sample["cpu"]),
        "mem": _folded(before.get("mem"), sample["mem"]),
        "procs": sample["procs"],
        "conns": [],
    }


def _folded(before: Document | None, value: float) -> Document:
    if before is None:
        return {"min": value, "max": value, "total": value, "count": 1, "current": value}
    return {
        "min": min(before["min"], value),
        "max": max(before["max"], value),
        "total": round(before["total"] + value, 2),
        "count": before["count"] + 1,
        "current": value,
    }
