"""What running jobs tell: messages, samples and the growth of logs, applied in one transaction."""

from collections.abc import Sequence
from enum import Enum, auto
from typing import Any

from core import clock, json
from engine import claims, instant, late, messages
from engine.limits import Effect, Reading, are_watched, enforce
from engine.records import Batch
from engine.turn import Run, Turn
from models.job import Job
from services.deadlines import next_due
from services.transitions import Row, State, activity

Document = dict[str, Any]


#: What is read of a job each time; its input and log may be large and are left alone.
_COLUMNS = (
    *("id", "state", "final", "launch", "server", "started", "segment", "offset"),
    *("doc", "live", "results", "activity", "abort_reason"),
)
#: The most tags, actions or limits that a job may have got from its plugin and its event.
_MOST_PUSHED = 1000
#: Warnings of one batch that are told.
_MOST_WARNINGS = 20
#: From this size of the activity log on, no more warnings are added to it.
_MOST_ACTIVITY_CHARS = 256 * 1024
_TOO_MUCH = (
    "WARNING: The job has reported more than 4 MB; further data, files and pushes are ignored."
)
_NO_MORE = "WARNING: There are too many warnings; further ones are not noted."


class Applied(Enum):
    """What became of an attempt to apply a batch."""

    DONE = auto()
    #: The batch was not read where the last one ended: it has to be read again.
    OUT_OF_STEP = auto()
    #: There is no such live job any more, or another launch owns it.
    GONE = auto()


def apply(turn: Turn, run: Run, batch: Batch) -> Applied:
    """Apply what a run told since the last time, exactly once."""
    row = Job.load(turn.connection, run.job, *_COLUMNS)
    if row is None or row.launch != run.launch:
        return Applied.GONE
    if row.final or row.state == State.COMPLETE:
        late.note(turn, row, batch)
        return Applied.GONE
    if (row.segment, row.offset) != batch.start:
        run.segment, run.offset = row.segment, row.offset
        return Applied.OUT_OF_STEP
    results = json.loads(row.results) if row.results else {}
    effect = messages.apply(_bounded(batch, row), results)
    before = json.loads(row.live) if row.live else {}
    live = {**effect.live, **_measured(before, run.sample), "updated": clock.now()}
    doc = _doc_changes(row, run, effect.pushed)
    columns: Document = {"segment": batch.segment, "offset": batch.offset}
    columns["log_size"] = run.log_size
    if "limits" in doc:
        columns["due"] = next_due(doc["limits"], row.started)
    ran = instant.run(turn, run.job, effect, doc)
    doc |= ran.doc
    limited = _enforce_limits(row, run, doc, {**before, **live})
    if limited.abort_reason is not None and row.abort_reason is None:
        # The engine finds it there, as it does when a caller asks.
        columns["abort_reason"] = limited.abort_reason
    Job.patch(
        turn.connection,
        run.job,
        columns=columns,
        doc=doc | limited.changes,
        live=live,
        results=effect.results | ran.results,
        known_results=results,
        activity=[*_entries(row, run, batch, effect.warnings), *ran.entries, *limited.entries],
    )
    claims.insert(turn, run.job, [*ran.claims, *limited.claims])
    turn.after.append(lambda: _advance(run, batch))
    return Applied.DONE


def _advance(run: Run, batch: Batch) -> None:
    """Note, after the commit, what need not be read again."""
    run.segment, run.offset = batch.segment, batch.offset
    run.spawned = run.sample = None
    for path in batch.consumed:
        path.unlink(missing_ok=True)


def _bounded(batch: Batch, row: Any) -> Sequence[Document]:
    """The messages of a batch, without their data where the job has reported too much before."""
    if len(row.results or "") <= messages.MOST_RESULT_CHARS:
        return batch.messages
    if _TOO_MUCH not in (row.activity or ""):
        batch.warnings.append(_TOO_MUCH)
    return messages.without_data(batch.messages)


def _entries(row: Any, run: Run, batch: Batch, warnings: list[str]) -> list[Row]:
    server = row.server or ""
    entries: list[Row] = []
    if run.spawned is not None:
        text = f"Spawned child process: PID {run.spawned['pid']}"
        entries.append(activity(text, server) | {"epoch": round(run.spawned["at"], 3)})
    entries += [note | {"server": server} for note in batch.notes]
    told = _limited([*batch.warnings, *warnings], row.activity or "")
    return entries + [activity(text, server) for text in told]


def _limited(warnings: list[str], told: str) -> list[str]:
    """Warnings as far as the activity log has room: a plugin must not make it grow for ever."""
    if len(told) < _MOST_ACTIVITY_CHARS:
        return warnings[:_MOST_WARNINGS]
    return [_NO_MORE] if warnings and _NO_MORE not in told else []


def _doc_changes(row: Any, run: Run, pushed: dict[str, list[Any]]) -> Document:
    """The process id, and the job's lists with what the plugin pushed onto them."""
    changes: Document = {}
    if run.spawned is not None:
        changes["pid"] = run.spawned["pid"]
    if pushed:
        doc = json.loads(row.doc)
        if "actions" in pushed:
            pushed = pushed | {"actions": [_of_job(action) for action in pushed["actions"]]}
        changes |= {
            key: [*doc.get(key, []), *items][:_MOST_PUSHED] for key, items in pushed.items()
        }
    return changes


def _of_job(action: Document) -> Document:
    """An action as its job's own; whether it is under way is not the plugin's to say."""
    kept = {key: value for key, value in action.items() if key != "active"}
    return {**kept, "source": "job"} if action.get("enabled") else kept


def _enforce_limits(row: Any, run: Run, changes: Document, live: Document) -> Effect:
    """Fire the limits on what the job uses, `changes` to its document already made."""
    doc = json.loads(row.doc) | changes
    if doc.get("aborting") or not are_watched(doc.get("limits", [])):
        return Effect()
    sample = run.sample or {}
    measured = (run.log_size, sample.get("mem"), sample.get("cpu"), live)
    return enforce(run.job, doc, Reading(clock.now(), row.started, *measured))


def _measured(before: Document, sample: Document | None) -> Document:
    """The sample folded into what was measured before."""
    if sample is None:
        return {}
    return {
        "cpu": _folded(before.get("cpu"), sample["cpu"]),
        "mem": _folded(before.get("mem"), sample["mem"]),
        "procs": sample["procs"],
        # Launchers of an earlier version, which still have jobs, know nothing of connections.
        "conns": sample.get("conns", []),
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
