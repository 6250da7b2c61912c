"""What the endpoints reply that clients call as they start."""

from typing import Any

from marshmallow import Schema, fields

from schemas.replies import Reply


class Counters(Schema):
    """How many jobs completed since a moment."""

    start = fields.Integer(required=True, metadata={"description": "Unix seconds."})
    jobs = fields.Integer(required=True)
    job_success = fields.Integer(required=True)
    job_error = fields.Integer(required=True)


class Process(Schema):
    """What the web worker that answers uses."""

    pid = fields.Integer(required=True)
    uptime = fields.Integer(required=True, metadata={"description": "Seconds."})
    mem = fields.Integer(required=True, metadata={"description": "Bytes."})


class Statistics(Schema):
    """Counters, and figures of a process."""

    currentDay = fields.Nested(Counters, required=True)  # noqa: N815 - the API's name
    currentHour = fields.Nested(Counters, required=True)  # noqa: N815 - the API's name
    currentMinute = fields.Nested(Counters, required=True)  # noqa: N815 - the API's name
    process = fields.Nested(Process, required=True)


def _records() -> fields.Field[Any]:
    return fields.List(fields.Dict())


class MultipleReply(Reply):
    """The lists and parts that were asked for."""

    epoch = fields.Float(required=True, metadata={"description": "Now, Unix seconds."})
    api_keys = _records()
    groups = _records()
    plugins = _records()
    categories = _records()
    events = _records()
    channels = _records()
    web_hooks = _records()
    buckets = _records()
    secrets = _records()
    monitors = _records()
    alerts = _records()
    tags = _records()
    roles = _records()
    activeJobs = fields.Dict()  # noqa: N815 - the API's name
    internalJobs = fields.Dict()  # noqa: N815 - the API's name
    activeAlerts = fields.Dict()  # noqa: N815 - the API's name
    state = fields.Dict()
    stats = fields.Nested(Statistics)
    servers = fields.Dict()
    serverCache = fields.Dict()  # noqa: N815 - the API's name


class DashboardReply(Reply):
    """What a dashboard shows."""

    version = fields.String(required=True)
    stats = fields.Nested(Statistics, required=True)


class ConfigReply(Reply):
    """What clients may expect of the server."""

    version = fields.String(required=True, metadata={"description": "The API's version."})
    config = fields.Dict(required=True)


class ServerReply(Reply):
    """A server."""

    server = fields.Dict(required=True)


class ServerStateReply(ServerReply):
    """A server, and whether it is connected."""

    online = fields.Boolean(required=True)


class ServerSummariesReply(Reply):
    """Counts of servers by their properties."""

    summaries = fields.Dict(required=True)
