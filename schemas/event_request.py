"""Parameters of the event endpoints; what an event itself may be is checked elsewhere."""

from schemas.wire import Anything, Flag, Id, IdRequest, Parameters, Pattern, RequestSchema

_EVENT_ID = "The event's id."


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
    fields_ = Anything(data_key="fields", metadata={"description": "Parameters for users."})

    def parse(self, values: Parameters) -> Parameters:
        """All parameters as one document."""
        super().parse(values)
        return {"params": values}


class UpdateEvent(RequestSchema):
    """Which event; every other parameter is a key to set."""

    id = Id(required=True, metadata={"description": _EVENT_ID})

    def parse(self, values: Parameters) -> Parameters:
        """All parameters as one document."""
        super().parse(values)
        return {"params": values}


class DeleteEvent(RequestSchema):
    """Which event, and whether its jobs go with it."""

    id = Id(required=True, metadata={"description": _EVENT_ID})
    delete_jobs = Flag(load_default=False, metadata={"description": "Delete all its jobs too."})
