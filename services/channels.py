"""Channels: who is told of something, by mail, web hook and event, under one name."""

from dataclasses import replace
from typing import ClassVar

import sqlalchemy as sa

from models.channel import Channel
from models.database import db
from schemas.channel import check_channel
from services import daily_counts, email_actions, event_actions, web_hook_calls
from services.catalogue import Catalogue, Document
from services.errand import Errand, Outcome, Performer


class Channels(Catalogue):
    """The channels; they are the same for every caller, and events may name missing ones."""

    table = Channel
    noun = "channel"
    prefix = "n"
    defaults: ClassVar = {
        "enabled": True,
        "users": [],
        "email": "",
        "web_hook": "",
        "run_event": "",
    }
    taken = "That Channel ID already exists"
    is_counted = True

    def check(self, _connection: sa.Connection, record: Document) -> None:
        """Somebody could be told with it."""
        check_channel(record)


channels = Channels()

#: What a channel may name, and who does that: as if it were an action of its own. What may take
#: longest, with its retries, comes last.
_WAYS: tuple[tuple[tuple[str, ...], Performer], ...] = (
    (("run_event",), event_actions.run_event),
    (("users", "email"), email_actions.send),
    (("web_hook",), web_hook_calls.fire_for),
)


def notify(errand: Errand) -> Outcome:
    """Tell all that a channel names; who can't be reached stops nobody else."""
    channel_id = str(errand.action.get("channel_id"))
    channel = db.read(lambda connection: Channel.get(connection, channel_id))
    trouble = _trouble(channel_id, channel, errand.id)
    if channel is None or trouble:
        return Outcome({"code": "channel", "description": trouble})
    return _together(channel, [way(part) for part, way in _parts(errand, channel)])


def _trouble(channel_id: str, channel: Document | None, errand_id: str) -> str | None:
    """Why nobody is told."""
    if channel is None:
        return f"Notification Channel not found: {channel_id}"
    if not channel.get("enabled"):
        return f"Notification Channel is disabled: {channel_id}"
    most = channel.get("max_per_day") or 0
    if not daily_counts.take(errand_id, "channel", channel_id, most):
        name = f"{channel_id} ({most:g}/day)"
        return f"Notification Channel has reached maximum daily limit: {name}"
    return None


def _parts(errand: Errand, channel: Document) -> list[tuple[Errand, Performer]]:
    """What is to be done, one after the other; each part has an id of its own."""
    named: Document = {**channel, "event_id": channel.get("run_event")}
    kept: Document = {key: errand.action[key] for key in ("msg", "text") if key in errand.action}
    return [
        (replace(errand, id=f"{errand.id}.{keys[0]}", action={**named, **kept}), way)
        for keys, way in _WAYS
        if any(channel.get(key) for key in keys)
    ]


def _together(channel: Document, outcomes: list[Outcome]) -> Outcome:
    """One outcome of all parts: the first failure, if there is one, and what came of each."""
    failures = [outcome.result for outcome in outcomes if outcome.result["code"] != 0]
    description = f"Successfully notified channel: {channel['id']}"
    if failures:
        description = str(failures[0]["description"])
    result = {
        "code": "channel" if failures else 0,
        "description": description,
        "details": "".join(f"- {outcome.result['description']}\n" for outcome in outcomes),
    }
    texts = [f"Notifying channel: {channel['title']}"]
    texts += [text for outcome in outcomes for text in outcome.texts]
    jobs = [job for outcome in outcomes for job in outcome.job.get("jobs", [])]
    return Outcome(result, texts, {"jobs": jobs} if jobs else {})
