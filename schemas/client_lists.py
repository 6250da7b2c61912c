"""Parameters of the endpoints that clients call as they start."""

from typing import Any

from core.errors import BadRequest
from core.javascript import is_truthy
from schemas.wire import Flag, Id, Names, RequestSchema

#: The lists that may be asked for.
LISTS = (
    *("api_keys", "groups", "plugins", "categories", "events", "channels", "web_hooks"),
    *("buckets", "secrets", "monitors", "alerts", "tags", "roles"),
)


class _Lists(Names):
    """Names of lists: an array, a text with commas, or `all`."""

    def _validate_missing(self, value: Any) -> None:
        if not is_truthy(value):
            raise BadRequest("Missing required request property: lists", code="admin")

    def _deserialize(self, value: Any, attr: str | None, *_: Any, **__: Any) -> list[Any]:
        if value == "all":
            return list(LISTS)
        if not isinstance(value, (str, list)):
            raise BadRequest("Invalid request (lists must be an array).", code="admin")
        names = super()._deserialize(value, attr)
        if not set(names) <= set(LISTS):
            raise BadRequest("One or more values are not valid lists.", code="admin")
        return list(dict.fromkeys(names))


def _part(what: str) -> Flag:
    return Flag(load_default=False, metadata={"description": f"Also {what}."})


class GetMultiple(RequestSchema):
    """Which lists, and what else."""

    is_checked = False

    lists = _Lists(
        required=True,
        metadata={"description": f"An array or a text with commas of {', '.join(LISTS)}; or all."},
    )
    jobs = _part("the live jobs that are not queued")
    alerts = _part("the alerts that are active")
    state = _part("what is switched on")
    stats = _part("counters of the day, and figures of the process")
    servers = _part("the servers that are connected")
    serverCache = _part("the servers that are not connected")  # noqa: N815 - the API's name


class ServerId(RequestSchema):
    """An endpoint that needs nothing but a server's id."""

    id = Id(required=True, metadata={"description": "The server's id."})
