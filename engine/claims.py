"""Claims: actions whose errands are under way, from the row that says so to the outcome."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import sqlalchemy as sa

from core import json
from core.ids import new_id
from engine.errand_worker import Done
from engine.performers import PERFORMERS, PROCESSES
from engine.turn import Claimed, Turn
from models.errand import Errand
from models.job import Job
from services.errand import Outcome
from services.hosts import our_name
from services.transitions import activity

Document = dict[str, Any]

#: What causes errands beside actions themselves: the list in which it stands. Their outcomes are
#: told in its details.
_NOTICES = {"limited": "limits", "suspended": "actions"}
_TITLES = {"email": "Email Details", "web_hook": "Web Hook Details"}
#: What names the receiver of an errand: one that hangs must not hold up others of its type.
_RECEIVERS = ("web_hook", "channel_id", "event_id", "bucket_id", "plugin_id")


@dataclass(frozen=True)
class Claim:
    """What an action or a limit has to do beyond its job."""

    type: str
    condition: str
    #: Where in its list the action or limit stands.
    place: int
    #: The action or limit as it stands there.
    action: Document


def notices(entry: Mapping[str, Any], condition: str, place: int) -> list[Claim]:
    """Whom a limit or a suspension lets know of itself: people by mail, programs by web hook."""
    wanted = {"email": entry.get("users") or entry.get("email"), "web_hook": entry.get("web_hook")}
    return [
        Claim(kind, condition, place, dict(entry))
        for kind, receivers in wanted.items()
        if receivers and kind in PERFORMERS
    ]


def insert(turn: Turn, job_id: str, claims: Sequence[Claim]) -> None:
    """Claim errands in the transaction that decides on them; they are done after its commit."""
    rows: list[Document] = [
        {
            "id": new_id("x"),
            "job": job_id,
            "type": claim.type,
            "condition": claim.condition,
            "place": claim.place,
            "doc": json.dumps(claim.action),
        }
        for claim in claims
    ]
    Errand.insert(turn.connection, rows)
    turn.claimed += [
        claimed(row["id"], job_id, claim.type, claim.action)
        for row, claim in zip(rows, claims, strict=True)
    ]


def claimed(errand_id: str, job_id: str, kind: str, action: Mapping[str, Any]) -> Claimed:
    """An errand as it is handed to those who do it."""
    names = [str(action[key]) for key in _RECEIVERS if action.get(key)]
    return Claimed(errand_id, job_id, " ".join([kind, *names[:1]]))


def under_way(connection: sa.Connection) -> list[Claimed]:
    """All errands that are claimed and not recorded, whoever claimed them."""
    return [
        claimed(row.id, row.job, row.type, json.loads(row.doc)) for row in Errand.all(connection)
    ]


def record(turn: Turn, done: Done) -> str | None:
    """Record what came of an errand; the id of its job, if that still waits for it."""
    errand = Errand.get(turn.connection, done.id)
    if errand is None:
        return None
    row = Job.load(turn.connection, errand.job)
    Errand.delete(turn.connection, done.id)
    if errand.type in PROCESSES:
        turn.over.append((errand.id, errand.id))
    if row is None or row.final:
        return None
    if done.outcome is not None:
        _apply(turn, row, errand, done.outcome, done.at)
    return str(row.id)


def _apply(turn: Turn, row: Any, errand: Any, outcome: Outcome, at: float) -> None:
    doc = json.loads(row.doc)
    columns, changes = _grown(row, doc, outcome.job)
    name = _NOTICES.get(errand.condition, "actions")
    entries = [dict(entry) for entry in doc.get(name, [])]
    entry = _entry(entries, errand)
    if entry is not None:
        told = _noticed if errand.condition in _NOTICES else _finished
        told(entry, errand, outcome, at)
        changes[name] = entries
    texts = [activity(text, our_name()) for text in outcome.texts]
    Job.patch(turn.connection, row.id, columns=columns, doc=changes, activity=texts)


def _entry(entries: list[Document], errand: Any) -> Document | None:
    """The action or limit that an errand is for, wherever it stands by now."""
    was = json.loads(errand.doc)
    near = entries[errand.place : errand.place + 1]
    for entry in [*near, *entries]:
        if all(entry.get(key) == was.get(key) for key in ("type", "condition", "date")):
            return entry
    return None


def _finished(entry: Document, _errand: Any, outcome: Outcome, at: float) -> None:
    """Note in an action what came of it."""
    entry.pop("active", None)
    entry.update(outcome.result, elapsed_ms=_elapsed_ms(entry, at))


def _noticed(entry: Document, errand: Any, outcome: Outcome, at: float) -> None:
    """Note in a limit or a suspension whether those heard of it whom it wanted to."""
    said = outcome.result.get("details") or f"- **{outcome.result.get('description')}**\n"
    section = f"### {_TITLES[errand.type]}:\n\n{said}"
    entry["details"] = "\n".join(filter(None, [entry.get("details"), section]))
    entry["elapsed_ms"] = _elapsed_ms(entry, at)


def _elapsed_ms(entry: Mapping[str, Any], at: float) -> int:
    return max(0, int((at - entry["date"]) * 1000))


def _grown(row: Any, doc: Document, added: Document) -> tuple[Document, Document]:
    """What an outcome adds to a job: columns, and keys of its document."""
    changes = {key: _joined(doc.get(key), value) for key, value in added.items() if key != "input"}
    if "input" not in added:
        return {}, changes
    before = json.loads(row.input) if row.input else {}
    return {"input": json.dumps(_joined(before, added["input"]))}, changes


def _joined(before: Any, added: Any) -> Any:
    """A list with more items, an object with more members, one level down likewise."""
    if isinstance(before, list) and isinstance(added, list):
        return [*before, *added]
    if isinstance(before, dict) and isinstance(added, dict):
        return before | {key: _inner(before.get(key), value) for key, value in added.items()}
    return added


def _inner(before: Any, added: Any) -> Any:
    if isinstance(before, dict) and isinstance(added, dict):
        return before | added
    return [*before, *added] if isinstance(before, list) and isinstance(added, list) else added
