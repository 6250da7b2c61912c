"""Parameters of the endpoints of the scheduler."""

from core import clock
from core.errors import BadRequest
from schemas.wire import (
    Anything,
    Flag,
    Id,
    Integer,
    Parameters,
    Pattern,
    RequestSchema,
    Seconds,
    Switch,
)

_MOST_JOBS = 1000
_MOST_CRONTAB_CHARS = 256 * 1024
_MOST_CRONTAB_LINES = 2000
_WEEK_SECONDS = 7 * 86400.0
#: Some years before those of calendars end.
_LATEST = 250_000_000_000.0
_LONGEST_SECONDS = 10 * 366 * 86400.0


class GetUpcomingJobs(RequestSchema):
    """Which jobs: of which event, between which moments, and how many."""

    event = Id(metadata={"description": "The id of an event; absent: of all events."})
    from_ = Seconds(data_key="from", metadata={"description": "Unix seconds; absent: now."})
    to = Seconds(metadata={"description": "Unix seconds; absent: a week later."})
    limit = Integer(load_default=100, metadata={"description": "The most jobs, up to 1,000."})

    def parse(self, values: Parameters) -> Parameters:
        """The event, and the window as numbers."""
        parsed = super().parse(values)
        start = parsed.get("from_")
        start = clock.now() if start is None else start
        end = parsed.get("to")
        end = start + _WEEK_SECONDS if end is None else min(end, start + _LONGEST_SECONDS)
        limit = parsed["limit"]
        # Of what is no number neither holds.
        if not limit >= 1:
            raise BadRequest("Malformed parameter: limit")
        if start > _LATEST:
            raise BadRequest("Malformed parameter: from")
        limit = min(limit, _MOST_JOBS)
        return {"event": parsed.get("event"), "start": start, "end": end, "limit": int(limit)}


class ImportCrontab(RequestSchema):
    """A crontab, and what all of its events are to have in common."""

    crontab = Pattern(r"\S", required=True, metadata={"description": "The lines of a crontab."})
    category = Id(metadata={"description": "The events' category; `general` by default."})
    targets = Anything(metadata={"description": "The events' targets; `main` by default."})
    enabled = Switch(metadata={"description": "Whether they are enabled, as by default."})
    dry_run = Flag(metadata={"description": "Show what would be made, and make nothing."})

    def parse(self, values: Parameters) -> Parameters:
        """The text, the wishes, and whether it is a trial."""
        parsed = super().parse(values)
        text = parsed["crontab"]
        if len(text) > _MOST_CRONTAB_CHARS or text.count("\n") > _MOST_CRONTAB_LINES:
            raise BadRequest("Malformed parameter: crontab (too long)")
        names = ("category", "targets", "enabled")
        wishes = {name: parsed[name] for name in names if parsed.get(name) is not None}
        return {"text": text, "wishes": wishes, "is_trial": bool(parsed.get("dry_run"))}


class UpdateGlobalState(RequestSchema):
    """What is to be switched on or off."""

    scheduler_enabled = Switch(
        data_key="scheduler.enabled",
        metadata={"description": "Whether events run by themselves."},
    )

    def parse(self, values: Parameters) -> Parameters:
        """The values by their names."""
        value = super().parse(values).get("scheduler_enabled")
        if value is None:
            raise BadRequest("Missing parameter: scheduler.enabled")
        return {"changes": {"scheduler.enabled": bool(value)}}
