"""Parameters of the event endpoints; what an event itself may be is checked elsewhere."""

from typing import Any

from core.errors import BadRequest
from schemas.checks import is_number
from schemas.wire import (
    Anything,
    Flag,
    Id,
    IdRequest,
    Object,
    Parameters,
    Pattern,
    RequestSchema,
)

_EVENT_ID = "The event's id."


#: What callers may set of what the scheduler remembers, and the most that each may be.
_STATE_KEYS = {"cursor": 253_402_300_799, "nth": 2**53, "robin": 2**53}


class _State(Object):
    """What the scheduler is to remember of an event."""

    def _deserialize(self, value: Any, attr: str | None, *_: Any, **__: Any) -> Any:
        for key, number in (super()._deserialize(value, attr) or {}).items():
            is_known = key in _STATE_KEYS and is_number(number)
            if not is_known or not 0 <= number <= _STATE_KEYS[key]:
                raise BadRequest(f"Malformed parameter value: {attr}")
        return value


def _state() -> _State:
    description = "Sets `cursor` (Unix seconds), `nth` or `robin` of the scheduler's memory."
    return _State(metadata={"description": description})


class EventId(IdRequest):
    """An endpoint that needs nothing but an event's id."""

    id = Id(required=True, metadata={"description": _EVENT_ID})


class GetEvents(RequestSchema):
    """Every parameter is a filter."""

    is_checked = False
    rest = "filters"


class CreateEvent(RequestSchema):
    """A new event; every other parameter is a key of it."""

    id = Id(metadata={"description": "The new event's id; made up when absent."})
    title = Pattern(r"\S", required=True, metadata={"description": "What people call the event."})
    enabled = Pattern(
        r"^(\d+|true|false)\Z", required=True, metadata={"description": "Whether it may run."}
    )
    category = Pattern(r"^\w+\Z", required=True, metadata={"description": "A category's id."})
    targets = Anything(metadata={"description": "Ids of groups or servers to run on."})
    algo = Anything(metadata={"description": "How one of the targets is chosen."})
    plugin = Anything(metadata={"description": "The id of the plugin that runs."})
    params = Anything(metadata={"description": "Values of the plugin's parameters."})
    triggers = Anything(metadata={"description": "When the event runs."})
    limits = Anything(metadata={"description": "What its jobs may use."})
    actions = Anything(metadata={"description": "What happens as jobs start and end."})
    update_state = _state()
    fields_ = Anything(data_key="fields", metadata={"description": "Parameters for users."})

    def parse(self, values: Parameters) -> Parameters:
        """All parameters as one document."""
        super().parse(values)
        return {"params": values}


class UpdateEvent(RequestSchema):
    """Which event; every other parameter is a key to set."""

    id = Id(required=True, metadata={"description": _EVENT_ID})
    update_state = _state()

    def parse(self, values: Parameters) -> Parameters:
        """All parameters as one document."""
        super().parse(values)
        return {"params": values}


class DeleteEvent(RequestSchema):
    """Which event, and whether its jobs go with it."""

    id = Id(required=True, metadata={"description": _EVENT_ID})
    delete_jobs = Flag(load_default=False, metadata={"description": "Delete all its jobs too."})
